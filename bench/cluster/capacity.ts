/**
 * npm run bench:capacity: what 1, 2, 4 and 8 nodes give together to a reader that fetches one object from all of them,
 * each over a link of its own of 100 Mbit/s, on the simulated network and in virtual time, so that the figures are the
 * same on every machine. Exits with 1 where it is less than 0.9 of as many times what one node gives.
 */
import { CELLS, type Cell, run, scenario } from '../rain/cells.js';
import { markdownTable } from '../table.js';

const NODES = [1, 2, 4, 8] as const;
const CELLS_MEASURED: readonly Cell[] = ['a', 'b', 'c', 'd'];
const SEEDS = [1, 2, 3, 4, 5];
/** A fetch of so many seconds, whatever the number of nodes: its beginning weighs alike. */
const MEBIBYTES_A_NODE = 32;
const LEAST = 0.9;

/** Megabits of the object in a virtual second, the median of the seeds. */
function megabitsPerSecond(cell: Cell, nodes: number): number {
  const rates = SEEDS.map((seed) => {
    const given = scenario(cell, nodes, MEBIBYTES_A_NODE * nodes, seed);
    return (given.objectBytes * 8) / 1000 / run(given).virtualMs;
  });
  return rates.sort((a, b) => a - b)[Math.floor(rates.length / 2)]!;
}

let short = false;
const rows = CELLS_MEASURED.map((cell) => {
  const { delayMs, loss } = CELLS[cell];
  const rates = NODES.map((nodes) => megabitsPerSecond(cell, nodes));
  const shares = rates.map((rate, i) => rate / (NODES[i]! * rates[0]!));
  short ||= shares.some((share) => share < LEAST);
  return [`${delayMs} ms, ${loss * 100} %`, ...rates.map((rate, i) => `${rate.toFixed(0)} (${shares[i]!.toFixed(3)})`)];
});
console.log(
  markdownTable(
    `Mbit/s of the object (share of linear), ${MEBIBYTES_A_NODE} MiB a node, links of 100 Mbit/s; median of ${SEEDS.length} seeds.`,
    ['one way, loss each way', ...NODES.map((nodes) => `${nodes} node${nodes > 1 ? 's' : ''}`)],
    rows,
  ),
);
process.exitCode = short ? 1 : 0;
