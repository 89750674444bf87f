/** What is left of a fetch's efficiency where requests are lost, symbols overtake one another and losses come in runs. */
import type { SimulatedServer } from '../../src/native/addon.js';
import { type Cell, changed, scenario } from './cells.js';
import { meanEfficiency } from './fetches.js';
import { share, table } from './table.js';

/** Of which the goal speaks, and all of them with duplicates. */
const DISTURBANCES: Record<string, Partial<SimulatedServer>> = {
  'SUBSCRIBE loss 20 %': { requestLoss: 0.2 },
  'jitter 5 ms': { jitterMs: 5 },
  'bursts of 5': { lossBurst: 5 },
  'all at once': { requestLoss: 0.2, jitterMs: 5, lossBurst: 5, duplicate: 0.05 },
};
const CASES: readonly (readonly [Cell, number])[] = [
  ['b', 1],
  ['c', 1],
  ['d', 1],
  ['c', 4],
  ['d', 4],
  ['c', 8],
  ['d', 8],
];

export function printDisturbances(seeds: readonly number[]): void {
  const names = Object.keys(DISTURBANCES);
  table(
    ['32 MiB, of the undisturbed', 'undisturbed', ...names],
    CASES.map(([cell, count]) => {
      const reached = (change: Partial<SimulatedServer>) =>
        meanEfficiency(seeds, (seed) => changed(scenario(cell, count, 32, seed), change));
      const clean = reached({});
      return [
        `${cell}, K = ${count}`,
        share(clean),
        ...names.map((name) => share(reached(DISTURBANCES[name]!) / clean)),
      ];
    }),
  );
}
