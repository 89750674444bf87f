/** What fetches that have the links to themselves reach: efficiency, queueing, waste, first block, killed servers. */
import type { SimulationResult, SimulationScenario } from '../../src/native/addon.js';
import { type Cell, efficiency, mean, run, scenario, useless, withHistory, withoutToken } from './cells.js';
import { milliseconds, percent, share, table } from './table.js';

type Seeds = readonly number[];
const SERVERS = [1, 2, 4, 8];

export function printFetches(seeds: Seeds, full: boolean): void {
  matrix('32 MiB, efficiency', ['a', 'b', 'c', 'd', 'e'], SERVERS, 32, seeds);
  matrix('32 MiB, known paths', ['c', 'd'], SERVERS, 32, seeds, withHistory);
  matrix('32 MiB, no token at hand', ['a', 'b', 'c', 'd'], SERVERS, 32, seeds, withoutToken);
  details(32, seeds);
  kills(32, seeds);
  disturbances(seeds);
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
  const parts = [0.1, 0.25, 0.5, 0.75, 0.9];
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

function disturbances(seeds: Seeds): void {
  const changes = {
    'delay 20 ms, loss 1 %': {},
    'and SUBSCRIBE loss 20 %': { requestLoss: 0.2 },
    'and jitter 5 ms, reordering': { jitterMs: 5 },
    'and losses in bursts of 5': { lossBurst: 5 },
    'and 5 % duplicates': { duplicate: 0.05 },
    'delay 20 ms, loss 20 %': { loss: 0.2 },
    'delay 20 ms, loss 50 %': { loss: 0.5 },
  };
  table(
    ['32 MiB, K = 1', 'efficiency'],
    Object.entries(changes).map(([name, change]) => [
      name,
      share(
        meanEfficiency(seeds, (seed) => {
          const given = scenario('b', 1, 32, seed);
          return { ...given, servers: given.servers.map((server) => ({ ...server, ...change })) };
        }),
      ),
    ]),
  );
}
