// npm run sim:store -- --seeds N [--from N]: that many seeds; --seed N: one of them again.
import { parseArgs } from 'node:util';
import { inFolder } from '../beds.js';
import { simulate, type Tally } from './run.js';

const { values } = parseArgs({
  options: { seeds: { type: 'string' }, seed: { type: 'string' }, from: { type: 'string' } },
});
const from = Number(values.seed ?? values.from ?? 0);
const seeds = values.seed === undefined ? Number(values.seeds ?? 2000) : 1;
const sum: Tally = { writes: 0, refusals: 0, crashes: 0, damaged: 0 };
let failed = 0;
const started = performance.now();
await inFolder(async (folder) => {
  for (let seed = from; seed < from + seeds && failed < 5; seed++) {
    try {
      const tally = await simulate(seed, folder);
      for (const name of Object.keys(sum) as (keyof Tally)[]) sum[name] += tally[name];
    } catch (error) {
      failed++;
      console.error(String(error));
    }
  }
});
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(
  `${seeds} seeds in ${seconds} s: ${sum.writes} acknowledged writes, ${sum.refusals} refusals, ${sum.crashes} crashes, ` +
    `${sum.damaged} damaged reads told; ${failed} seeds failed`,
);
process.exit(failed > 0 ? 1 : 0);
