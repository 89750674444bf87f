// npm run sim:pollution -- --runs=1000 --servers=5: one polluter among so many servers (3 to 8), so many seeds each.
import { pollutedRun } from './polluted-run.js';

const runs = Number(process.argv.find((word) => word.startsWith('--runs='))?.slice('--runs='.length) ?? 1000);
const only = Number(process.argv.find((word) => word.startsWith('--servers='))?.slice('--servers='.length) ?? 0);
const GOAL = 0.999;

console.log(
  '| servers | runs | right bytes | with a spoilt block | polluter named | honest blamed | spoilt blocks, mean |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- |');
let failed = false;
for (let servers = only || 3; servers <= (only || 8); servers++) {
  const sum = { right: 0, spoilt: 0, named: 0, blamed: 0, blocks: 0 };
  for (let seed = 1; seed <= runs; seed++) {
    const result = await pollutedRun(servers, seed);
    const spoilt = result.spoiltBlocks > 0;
    sum.right += Number(result.right);
    sum.spoilt += Number(spoilt);
    sum.named += Number(spoilt && result.named);
    sum.blamed += result.blamed;
    sum.blocks += result.spoiltBlocks;
    if (!result.right || result.blamed > 0 || (spoilt && !result.named)) {
      console.error(`servers ${servers}, seed ${seed}: ${JSON.stringify(result)}`);
    }
  }
  failed ||= sum.right < runs || sum.blamed > 0 || sum.named < GOAL * sum.spoilt;
  const named = `${sum.named} (${((100 * sum.named) / Math.max(1, sum.spoilt)).toFixed(2)} %)`;
  const mean = (sum.blocks / Math.max(1, sum.spoilt)).toFixed(1);
  console.log(`| ${servers} | ${runs} | ${sum.right} | ${sum.spoilt} | ${named} | ${sum.blamed} | ${mean} |`);
}
process.exit(failed ? 1 : 0);
