// npm run sim:store -- --seeds N [--from N]: that many seeds; --seed N: one of them again.
import { parseArgs } from 'node:util';
import { inFolder } from '../beds.js';
import { simulate, type Tally } from './run.js';

const { values } = parseArgs({
  options: { seeds: { type: 'string' }, seed: { type: 'string' }, from: { type: 'string' } },
});
const from = Number(values.seed ?? values.from ?? 0);
const seeds = values.seed === undefined ? Number(values.seeds ?? 2000) : 1;
const sum: Tally = { writes: 0, refusals: 0, crashes: 0, rebuilds: 0, damaged: 0, mended: 0, resumed: 0, punched: 0 };
let failed = 0;
const started = performance.now();
const PROGRESS_EVERY_MS = 60_000;
let ran = 0;
const tell = () => {
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const tally = `${sum.writes} acknowledged writes, ${sum.refusals} refusals, ${sum.crashes} crashes, ${sum.rebuilds} lost indexes`;
  console.log(
    `${ran} seeds in ${seconds} s: ${tally}, ${sum.damaged} damaged blocks told, ${sum.mended} mended, ${sum.punched} blocks punched, ${sum.resumed} left by writes that were broken off; ${failed} seeds failed`,
  );
};
let toldMs = started;
await inFolder(async (folder) => {
  for (let seed = from; seed < from + seeds && failed < 5; seed++) {
    ran++;
    try {
      const tally = await simulate(seed, folder);
      for (const name of Object.keys(sum) as (keyof Tally)[]) sum[name] += tally[name];
    } catch (error) {
      failed++;
      console.error(String(error));
    }
    if (performance.now() - toldMs >= PROGRESS_EVERY_MS) {
      toldMs = performance.now();
      tell();
    }
  }
});
tell();
process.exit(failed > 0 ? 1 : 0);
