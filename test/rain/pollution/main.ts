// npm run sim:pollution: one polluter among 3 to 8 servers, a seed for each run. --servers=5 for one number of servers;
// --runs=1000: so many runs each; --spoilt=1000: as many runs as it takes until so many of each had a spoilt block, for
// in the others there is nobody to be named.
import { pollutedRun } from './polluted-run.js';

const option = (name: string, otherwise: number) =>
  Number(process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise);
const spoiltWanted = option('spoilt', 0);
const runs = option('runs', spoiltWanted > 0 ? 0 : 1000);
const only = option('servers', 0);
const GOAL = 0.999;
/** A run spoils a block in more than half of the seeds: who gets this far without has no polluter. */
const MOST_RUNS_FOR_ONE_SPOILT = 20;

console.log(
  '| servers | runs | right bytes | with a spoilt block | polluter named | honest blamed | spoilt blocks, mean |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- |');
let failed = false;
for (let servers = only || 3; servers <= (only || 8); servers++) {
  const sum = { runs: 0, right: 0, spoilt: 0, named: 0, blamed: 0, blocks: 0 };
  const most = Math.max(runs, spoiltWanted * MOST_RUNS_FOR_ONE_SPOILT);
  while (sum.runs < runs || (sum.spoilt < spoiltWanted && sum.runs < most)) {
    const seed = ++sum.runs;
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
  failed ||= sum.right < sum.runs || sum.blamed > 0 || sum.named < GOAL * sum.spoilt || sum.spoilt < spoiltWanted;
  const named = `${sum.named} (${((100 * sum.named) / Math.max(1, sum.spoilt)).toFixed(2)} %)`;
  const mean = (sum.blocks / Math.max(1, sum.spoilt)).toFixed(1);
  console.log(`| ${servers} | ${sum.runs} | ${sum.right} | ${sum.spoilt} | ${named} | ${sum.blamed} | ${mean} |`);
}
process.exit(failed ? 1 : 0);
