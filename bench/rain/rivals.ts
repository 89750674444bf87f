/** What a fetch gets of a link that it shares with one TCP-like flow: one that is never done, one that leaves. */
import { addon, type SimulatedServer, type SimulationScenario } from '../../src/native/addon.js';
import { share, table } from './table.js';

const MIB = 2 ** 20;
const RATE = 100e6;
const QUEUES_MS = [5, 20, 50, 100, 200, 300];
const LOSSES = [0.0001, 0.001, 0.01];
const RIVALS = ['reno', 'cubic', 'bbr'] as const;
const NAMES = { reno: 'Reno', cubic: 'CUBIC', bbr: 'BBR' };
const SITUATIONS = [
  { name: '20 ms, begins first', delayMs: 20, rivalsFromMs: 0 },
  { name: '20 ms, begins after 3 s', delayMs: 20, rivalsFromMs: 3_000 },
  { name: '5 ms, begins first', delayMs: 5, rivalsFromMs: 0 },
  { name: '5 ms, begins after 3 s', delayMs: 5, rivalsFromMs: 3_000 },
];
const LEAVES_MS = 20_000;

type Seeds = readonly number[];
type Rival = (typeof RIVALS)[number];

export function printRivals(seeds: Seeds): void {
  shares(seeds);
  lossy(seeds);
  leaving(seeds);
}

function scenario(rival: Rival, server: Partial<SimulatedServer>, times: Partial<SimulationScenario>, seed: number) {
  const only: SimulatedServer = { rateBitsPerSecond: RATE, delayMs: 20, loss: 0, rivals: [rival], ...server };
  return { seed, objectBytes: 1024 * MIB, servers: [only], sharesFromMs: 10_000, limitMs: 60_000, ...times };
}

function shareOf(given: SimulationScenario): number {
  const { fetchBytes, rivalBytes } = addon().simulate(given).shares[0]!;
  return fetchBytes / (fetchBytes + rivalBytes);
}

/** Median, with the least and the most of the seeds. */
function spread(seeds: Seeds, measure: (seed: number) => number): string {
  const sorted = seeds.map(measure).sort((a, b) => a - b);
  const median = share(sorted[Math.floor(sorted.length / 2)]!);
  return sorted.length === 1 ? median : `${median} (${share(sorted[0]!)}–${share(sorted.at(-1)!)})`;
}

/** The fetch's share of the bytes that both got between second 10 and second 60. */
function shares(seeds: Seeds): void {
  table(
    ['rival, queue', ...SITUATIONS.map(({ name }) => name)],
    RIVALS.flatMap((rival) =>
      QUEUES_MS.map((queueMs) => [
        `${NAMES[rival]}, ${queueMs} ms`,
        ...SITUATIONS.map(({ delayMs, rivalsFromMs }) =>
          spread(seeds, (seed) => shareOf(scenario(rival, { delayMs, queueMs }, { rivalsFromMs }, seed))),
        ),
      ]),
    ),
  );
}

/** The same with random loss, of which the rival has its part. */
function lossy(seeds: Seeds): void {
  table(
    ['rival, queue 50 ms, 20 ms', ...LOSSES.map((loss) => `loss ${loss * 100} %`)],
    RIVALS.map((rival) => [
      NAMES[rival],
      ...LOSSES.map((loss) => spread(seeds, (seed) => shareOf(scenario(rival, { loss, queueMs: 50 }, {}, seed)))),
    ]),
  );
}

/** What the fetch brings of the link's rate in the seconds after the rival has sent its last packet. */
function leaving(seeds: Seeds): void {
  const windows = [1_000, 3_000, 10_000];
  table(
    ['rival that leaves, queue', ...windows.map((fromMs) => `second ${fromMs / 1000} to ${fromMs / 1000 + 2} after`)],
    RIVALS.flatMap((rival) =>
      [50, 300].map((queueMs) => [
        `${NAMES[rival]}, ${queueMs} ms`,
        ...windows.map((fromMs) =>
          spread(seeds, (seed) => {
            const sharesFromMs = LEAVES_MS + fromMs;
            const times = { rivalsUntilMs: LEAVES_MS, sharesFromMs, limitMs: sharesFromMs + 2_000 };
            const result = addon().simulate(scenario(rival, { queueMs }, times, seed));
            return (result.shares[0]!.fetchBytes * 8) / 2 / RATE;
          }),
        ),
      ]),
    ),
  );
}
