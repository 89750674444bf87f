// Prints what the transport reaches on the simulated network, as the tables of docs/rain.md.
// node --import tsx bench/rain/main.ts [--seeds N] [--full]: --full adds the objects of 256 MiB.
import { arch, cpus, platform } from 'node:os';
import { parseArgs } from 'node:util';
import type { SimulationScenario } from '../../src/native/addon.js';
import { type Cell, efficiency, mean, run, scenario, useless, withHistory } from './cells.js';

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '3' }, full: { type: 'boolean' } } });
const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => i + 1);

function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`\n| ${head.join(' | ')} |\n|${' --- |'.repeat(head.length)}`);
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
}

const share = (value: number) => value.toFixed(3).replace(/^0/, '');
const percent = (value: number) => `${(value * 100).toFixed(2)} %`;

function meanEfficiency(make: (seed: number) => SimulationScenario): string {
  return share(
    mean(
      seeds.map((seed) => {
        const given = make(seed);
        return efficiency(given, run(given));
      }),
    ),
  );
}

function matrix(mebibytes: number, cells: readonly Cell[], counts: readonly number[]): void {
  table(
    [`${mebibytes} MiB, efficiency`, ...counts.map((count) => `K = ${count}`)],
    cells.map((cell) => [
      cell,
      ...counts.map((count) => meanEfficiency((seed) => scenario(cell, count, mebibytes, seed))),
    ]),
  );
}

function history(): void {
  table(
    ['32 MiB, known paths', 'K = 1', 'K = 2', 'K = 4', 'K = 8'],
    (['c', 'd'] as const).map((cell) => [
      cell,
      ...[1, 2, 4, 8].map((count) => meanEfficiency((seed) => withHistory(scenario(cell, count, 32, seed)))),
    ]),
  );
}

function details(mebibytes: number): void {
  table(
    [`${mebibytes} MiB`, 'queue, median', 'queue, p95', 'code overhead', 'useless symbols', 'first block'],
    ([1, 8] as const).flatMap((count) =>
      (['a', 'b', 'c', 'd'] as const).map((cell) => {
        const results = seeds.map((seed) => run(scenario(cell, count, mebibytes, seed)));
        return [
          `${cell}, K = ${count}`,
          `${mean(results.map((one) => one.queueMedianMs)).toFixed(1)} ms`,
          `${mean(results.map((one) => one.queueP95Ms)).toFixed(1)} ms`,
          percent(mean(results.map(({ report }) => report.decodingSymbols / report.sourceSymbols - 1))),
          percent(mean(results.map(useless))),
          `${mean(results.map((one) => one.firstBlockMs)).toFixed(0)} ms`,
        ];
      }),
    ),
  );
}

/** One of four servers dies; time against a fluid: what four had left, three carry. */
function kills(mebibytes: number): void {
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
function scaling(mebibytes: number): void {
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

function disturbances(): void {
  const change = (given: SimulationScenario, what: object) => ({
    ...given,
    servers: given.servers.map((server) => ({ ...server, ...what })),
  });
  table(
    ['32 MiB, K = 1, delay 20 ms', 'efficiency'],
    [
      ['loss 1 %', meanEfficiency((seed) => scenario('b', 1, 32, seed))],
      ['and jitter 5 ms, reordering', meanEfficiency((seed) => change(scenario('b', 1, 32, seed), { jitterMs: 5 }))],
      ['and 5 % duplicates', meanEfficiency((seed) => change(scenario('b', 1, 32, seed), { duplicate: 0.05 }))],
      ['loss 20 %', meanEfficiency((seed) => change(scenario('b', 1, 32, seed), { loss: 0.2 }))],
      ['loss 50 %', meanEfficiency((seed) => change(scenario('b', 1, 32, seed), { loss: 0.5 }))],
    ],
  );
}

const cpu = cpus()[0]?.model.trim() ?? 'unknown CPU';
console.log(`Simulated network, ${seeds.length} seeds each. ${platform()}-${arch()}, ${cpu}, Node ${process.version}.`);
matrix(32, ['a', 'b', 'c', 'd', 'e'], [1, 2, 4, 8]);
history();
details(32);
kills(32);
disturbances();
if (values.full) {
  matrix(256, ['a', 'b', 'c', 'd'], [1, 8]);
  scaling(256);
  details(256);
  kills(256);
}
