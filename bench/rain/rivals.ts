/** What a fetch gets of a link that it shares with one TCP-like flow which is never done. */
import { addon, type SimulatedServer } from '../../src/native/addon.js';
import { share, table } from './table.js';

const MIB = 2 ** 20;
const QUEUES_MS = [20, 50, 100, 200, 300];
const SITUATIONS = [
  { name: '20 ms, begins first', delayMs: 20, rivalsFromMs: 0 },
  { name: '20 ms, begins after 3 s', delayMs: 20, rivalsFromMs: 3_000 },
  { name: '5 ms, begins first', delayMs: 5, rivalsFromMs: 0 },
  { name: '5 ms, begins after 3 s', delayMs: 5, rivalsFromMs: 3_000 },
];

/** The fetch's share of the bytes that both got between second 10 and second 60, mean over the seeds. */
export function printRivals(seeds: readonly number[]): void {
  table(
    ['rival, queue', ...SITUATIONS.map(({ name }) => name)],
    (['cubic', 'bbr'] as const).flatMap((rival) =>
      QUEUES_MS.map((queueMs) => [
        `${rival.toUpperCase()}, ${queueMs} ms`,
        ...SITUATIONS.map(({ delayMs, rivalsFromMs }) => {
          const server: SimulatedServer = { rateBitsPerSecond: 100e6, delayMs, loss: 0, queueMs, rivals: [rival] };
          const shares = seeds.map((seed) => {
            const result = addon().simulate({
              seed,
              objectBytes: 1024 * MIB,
              servers: [server],
              rivalsFromMs,
              sharesFromMs: 10_000,
              limitMs: 60_000,
            });
            const { fetchBytes, rivalBytes } = result.shares[0]!;
            return fetchBytes / (fetchBytes + rivalBytes);
          });
          return share(shares.reduce((sum, one) => sum + one, 0) / shares.length);
        }),
      ]),
    ),
  );
}
