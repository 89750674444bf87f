/** What fetches that have the links to themselves reach: efficiency, queueing, waste, first block, killed servers. */
import type { SimulatedServer, SimulationResult, SimulationScenario } from '../../src/native/addon.js';
import {
  CELLS,
  type Cell,
  changed,
  efficiency,
  mean,
  run,
  scenario,
  spent,
  useless,
  withHistory,
  withoutToken,
} from './cells.js';
import { milliseconds, percent, share, table } from './table.js';

type Seeds = readonly number[];
const SERVERS = [1, 2, 4, 8];
/** Of a link, what is left of its bytes behind all headers. */
const PAYLOAD_SHARE = 1344 / 1420;

export function printFetches(seeds: Seeds, full: boolean): void {
  fetches(seeds, full);
  const { virtualSeconds, cpuSeconds } = spent;
  const [network, processor] = [virtualSeconds, cpuSeconds].map((seconds) => seconds.toFixed(0));
  const speed = (virtualSeconds / cpuSeconds).toFixed(1);
  console.log(`\n${network} s of network in ${processor} s of processor time: ${speed} to 1`);
}

function fetches(seeds: Seeds, full: boolean): void {
  matrix('32 MiB, efficiency', ['a', 'b', 'c', 'd', 'e'], SERVERS, 32, seeds);
  matrix('32 MiB, known paths', ['c', 'd'], SERVERS, 32, seeds, withHistory);
  matrix('32 MiB, no token at hand', ['a', 'b', 'c', 'd'], SERVERS, 32, seeds, withoutToken);
  details(32, seeds);
  kills(32, seeds);
  disturbances(seeds);
  queues(seeds);
  firstBlocks(seeds);
  if (!full) return;
  matrix('256 MiB, efficiency', ['a', 'b', 'c', 'd'], [1, 8], 256, seeds);
  scaling(256, seeds);
  details(256, seeds);
  kills(256, seeds);
}

/** Mean over the seeds of the fetches that `make` describes. */
export function meanEfficiency(seeds: Seeds, make: (seed: number) => SimulationScenario): number {
  return mean(
    seeds.map((seed) => {
      const given = make(seed);
      return efficiency(given, run(given));
    }),
  );
}

function matrix(
  title: string,
  cells: readonly Cell[],
  counts: readonly number[],
  mebibytes: number,
  seeds: Seeds,
  change: (given: SimulationScenario) => SimulationScenario = (given) => given,
): void {
  table(
    [title, ...counts.map((count) => `K = ${count}`)],
    cells.map((cell) => [
      cell,
      ...counts.map((count) => share(meanEfficiency(seeds, (seed) => change(scenario(cell, count, mebibytes, seed))))),
    ]),
  );
}

function details(mebibytes: number, seeds: Seeds): void {
  table(
    [`${mebibytes} MiB`, 'queue, median', 'queue, p95', 'code overhead', 'useless symbols', 'first block'],
    [1, 4, 8].flatMap((count) =>
      (['a', 'b', 'c', 'd'] as const).map((cell) => {
        const results = seeds.map((seed) => run(scenario(cell, count, mebibytes, seed)));
        const average = (of: (one: SimulationResult) => number) => mean(results.map(of));
        return [
          `${cell}, K = ${count}`,
          milliseconds(average((one) => one.queueMedianMs)),
          milliseconds(average((one) => one.queueP95Ms)),
          percent(average(({ report }) => report.decodingSymbols / report.sourceSymbols - 1)),
          percent(average(useless)),
          milliseconds(average((one) => one.firstBlockMs)),
        ];
      }),
    ),
  );
}

/** One of four servers dies; time against a fluid: what four had left, three carry. */
function kills(mebibytes: number, seeds: Seeds): void {
  const parts = [0.1, 0.25, 0.5, 0.75, 0.9, 0.92, 0.94, 0.96];
  table(
    [`${mebibytes} MiB, one of four killed at`, ...parts.map((part) => `${part * 100} %`)],
    (['b', 'c'] as const).map((cell) => [
      cell,
      ...parts.map((part) =>
        mean(
          seeds.map((seed) => {
            const whole = run(scenario(cell, 4, mebibytes, seed)).virtualMs;
            const given = scenario(cell, 4, mebibytes, seed);
            const killed = whole * part;
            given.servers[1]!.killAtMs = killed;
            return run(given).virtualMs / (killed + ((whole - killed) * 4) / 3);
          }),
        ).toFixed(3),
      ),
    ]),
  );
}

/** Of each fetch by itself, not of their mean: how late the first block is, and how often beyond the goal. */
function firstBlocks(seeds: Seeds): void {
  const cells = ['a', 'b', 'c', 'd'] as const;
  table(
    ['32 MiB, first block', ...SERVERS.map((count) => `K = ${count}`)],
    cells.map((cell) => [
      cell,
      ...SERVERS.map((count) => {
        const { delayMs, loss } = CELLS[cell];
        const goal = 5 * delayMs + (8 * 2 ** 20) / (count * 100e3 * (1 - loss) * PAYLOAD_SHARE);
        const all = seeds.map((seed) => run(scenario(cell, count, 32, seed)).firstBlockMs).sort((a, b) => a - b);
        const late = all.filter((one) => one > goal).length;
        const range = `${all[0]!.toFixed(0)} to ${all.at(-1)!.toFixed(0)} ms`;
        return `${range}; ${late} of ${all.length} over ${goal.toFixed(0)}`;
      }),
    ]),
  );
}

/** How much longer than an eighth eight servers take. */
function scaling(mebibytes: number, seeds: Seeds): void {
  table(
    [`${mebibytes} MiB`, 'T(8) · 8 / T(1)'],
    (['a', 'b', 'c', 'd'] as const).map((cell) => [
      cell,
      mean(
        seeds.map((seed) => {
          const [one, eight] = [1, 8].map((count) => run(scenario(cell, count, mebibytes, seed)).virtualMs);
          return (eight! * 8) / one!;
        }),
      ).toFixed(3),
    ]),
  );
}

/** Each alone, and all together; the loss of each cell is its own. */
function disturbances(seeds: Seeds): void {
  const changes = {
    'SUBSCRIBE loss 20 %': { requestLoss: 0.2 },
    'jitter 5 ms, reordering': { jitterMs: 5 },
    'losses in bursts of 5': { lossBurst: 5 },
    '5 % duplicates': { duplicate: 0.05 },
  };
  const cells = ['b', 'c', 'd'] as const;
  const reached = (cell: Cell, change: Partial<SimulatedServer>) =>
    meanEfficiency(seeds, (seed) => changed(scenario(cell, 1, 32, seed), change));
  const rows: [string, Partial<SimulatedServer>][] = [
    ...Object.entries(changes).map(([name, change]): [string, Partial<SimulatedServer>] => [`with ${name}`, change]),
    ['with all of these', Object.assign({}, ...Object.values(changes))],
  ];
  table(
    ['32 MiB, K = 1', ...cells.map((cell) => `${cell}, of it`)],
    [
      ['undisturbed', ...cells.map((cell) => share(reached(cell, {})))],
      ...rows.map(([name, change]) => [
        name,
        ...cells.map((cell) => `${share(reached(cell, change))}, ${share(reached(cell, change) / reached(cell, {}))}`),
      ]),
    ],
  );
  table(
    ['32 MiB, K = 1, 20 ms', 'efficiency'],
    [0.2, 0.5].map((loss) => [
      `loss ${loss * 100} %`,
      share(meanEfficiency(seeds, (seed) => changed(scenario('b', 1, 32, seed), { loss }))),
    ]),
  );
}

/** Drop-tail queues from far less to far more than what a path has under way. */
function queues(seeds: Seeds): void {
  const QUEUES_MS = [5, 10, 20, 50, 100, 300];
  table(
    ['32 MiB, by queue', ...QUEUES_MS.map((queueMs) => `${queueMs} ms`)],
    ([1, 8] as const).flatMap((count) =>
      (['a', 'b', 'c', 'd'] as const).map((cell) => [
        `${cell}, K = ${count}`,
        ...QUEUES_MS.map((queueMs) =>
          share(meanEfficiency(seeds, (seed) => changed(scenario(cell, count, 32, seed), { queueMs }))),
        ),
      ]),
    ),
  );
}
