/**
 * npm run bench:capacity: what 1, 2, 4 and 8 nodes give together, each over a line of its own of 100 Mbit/s, on the
 * simulated network and in virtual time, so that the figures are the same on every machine: to one reader that fetches
 * an object from all of them, and to many readers that fetch an object each from its owners. Exits with 1 where it is
 * less than 0.9 of as many times what one node gives.
 */
import { Placement } from '../../src/cluster/placement.js';
import { addon } from '../../src/native/addon.js';
import { resourceId } from '../../src/object/key.js';
import { seededRandom } from '../../test/simulation/virtual-clock.js';
import { CELLS, type Cell, run, scenario } from '../rain/cells.js';
import { markdownTable } from '../table.js';

const NODES = [1, 2, 4, 8] as const;
const CELLS_MEASURED: readonly Cell[] = ['a', 'b', 'c', 'd'];
const SEEDS = [1, 2, 3, 4, 5];
/** A fetch of so many seconds, whatever the number of nodes: its beginning weighs alike. */
const MEBIBYTES_A_NODE = 32;
const READERS = 24;
const REPLICAS = 3;
const SEEDS_OF_MANY = [1, 2, 3];
/** Many readers go on for so long, and none comes to the end of its object. */
const READING_MS = 5000;
const READ_MEBIBYTES = 1024;
const LEAST = 0.9;

/** Megabits of the object in a virtual second that one reader gets from all nodes. */
function oneReader(cell: Cell, nodes: number, seed: number): number {
  const given = scenario(cell, nodes, MEBIBYTES_A_NODE * nodes, seed);
  return (given.objectBytes * 8) / 1000 / run(given).virtualMs;
}

/** Megabits of objects in a virtual second that all readers get together, each from the owners of what it reads. */
function manyReaders(cell: Cell, nodes: number, seed: number): number {
  const random = seededRandom(seed);
  const members = Array.from({ length: nodes }, (_, index) => ({ id: random.bits64(), weight: 1, index }));
  const placement = new Placement(members);
  const readers = Array.from({ length: READERS }, (_, reader) =>
    placement.owners(resourceId(`object ${reader}`), REPLICAS).map(({ index }) => index),
  );
  const given = { ...scenario(cell, nodes, READ_MEBIBYTES, seed), readers, limitMs: READING_MS };
  const useful = addon()
    .simulate(given)
    .usefulBytes.reduce((sum, bytes) => sum + bytes, 0);
  return (useful * 8) / 1000 / READING_MS;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

let short = false;
for (const [title, measure, seeds] of [
  [`One reader, ${MEBIBYTES_A_NODE} MiB a node`, oneReader, SEEDS],
  [`${READERS} readers of an object each, ${REPLICAS} replicas, ${READING_MS / 1000} s`, manyReaders, SEEDS_OF_MANY],
] as const) {
  const rows = CELLS_MEASURED.map((cell) => {
    const { delayMs, loss } = CELLS[cell];
    const rates = NODES.map((nodes) => median(seeds.map((seed) => measure(cell, nodes, seed))));
    const shares = rates.map((rate, i) => rate / (NODES[i]! * rates[0]!));
    short ||= shares.some((share) => share < LEAST);
    return [
      `${delayMs} ms, ${loss * 100} %`,
      ...rates.map((rate, i) => `${rate.toFixed(0)} (${shares[i]!.toFixed(3)})`),
    ];
  });
  console.log(
    markdownTable(
      `${title}: Mbit/s of objects (share of linear), lines of 100 Mbit/s; median of ${seeds.length} seeds.`,
      ['one way, loss each way', ...NODES.map((nodes) => `${nodes} node${nodes > 1 ? 's' : ''}`)],
      rows,
    ),
  );
}
process.exitCode = short ? 1 : 0;
