/** Efficiency over loss and over delay, for several numbers of servers, as SVG documents. */
import { lineChart } from '../line-chart.js';
import { scenario } from './cells.js';
import { meanEfficiency } from './fetches.js';

const SERVERS = [1, 2, 4, 8];
const LOSSES = [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
const DELAYS_MS = [1, 5, 20, 50, 100, 200, 300];

export function efficiencyOverLoss(seeds: readonly number[], footer: string): string {
  return lineChart({
    ...axis('loss', footer),
    heading: 'Goodput / (Σ link rates × (1 - loss)), 32 MiB, 20 ms one way',
    labels: LOSSES.map((loss) => `${loss * 100} %`),
    lines: SERVERS.map((count) => line(count, seeds, LOSSES, (loss) => ({ loss, delayMs: 20 }))),
  });
}

export function efficiencyOverDelay(seeds: readonly number[], footer: string): string {
  return lineChart({
    ...axis('delay', footer),
    heading: 'Goodput / (Σ link rates × (1 - loss)), 32 MiB, 5 % loss, by one-way delay',
    labels: DELAYS_MS.map((delayMs) => `${delayMs} ms`),
    lines: SERVERS.map((count) => line(count, seeds, DELAYS_MS, (delayMs) => ({ delayMs, loss: 0.05 }))),
  });
}

function axis(over: string, footer: string) {
  return { title: `Efficiency over ${over}, for 1 to 8 servers`, footer, top: 1, step: 0.1 };
}

function line(
  count: number,
  seeds: readonly number[],
  points: readonly number[],
  link: (point: number) => { loss: number; delayMs: number },
) {
  const values = points.map((point) =>
    meanEfficiency(seeds, (seed) => {
      const given = scenario('c', count, 32, seed);
      return { ...given, servers: given.servers.map((server) => ({ ...server, ...link(point) })) };
    }),
  );
  return { name: `K = ${count}`, values };
}
