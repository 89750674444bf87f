import { parseArgs } from 'node:util';
import { addon } from '../../src/native/addon.js';
import { summary } from './statistics.js';

/** 100,000 trials for each loss rate: small blocks, where a trial is cheap, get more of them. */
const SHARES: [k: number, trials: number][] = [
  [64, 30000],
  [256, 30000],
  [781, 20000],
  [1024, 15000],
  [4096, 5000],
];
const CHUNK_TRIALS = 1000;
const MOST_SOURCE_SYMBOLS = 8192;
const MOST_OVERHEAD = 24;

/** What a server that dies still owed of a block. */
const RUNS = [0.05, 0.1, 0.25, 0.5];
const LOSSES = [0, 0.01, 0.05, 0.1, 0.2, 0.5, 1];

const { values } = parseArgs({
  options: {
    'every-k': { type: 'boolean', default: false },
    runs: { type: 'boolean', default: false },
    loss: { type: 'string', multiple: true },
  },
});
if (values['every-k']) everyK();
else if (values.runs) everyLoss('run', RUNS);
else everyLoss('each', LOSSES);

function everyLoss(pattern: 'each' | 'run', losses: readonly number[]) {
  console.log('| loss | trials | mean | p99 | max | means by K |\n| --- | --- | --- | --- | --- | --- |');
  for (const loss of values.loss?.map(Number) ?? losses) {
    let seed = 1 + losses.indexOf(loss) * 1000;
    const all: number[][] = [];
    const means: string[] = [];
    for (const [k, trials] of SHARES) {
      const own: number[][] = [];
      for (let done = 0; done < trials; done += CHUNK_TRIALS) {
        own.push(addon().overheadHistogram(k, loss, pattern, CHUNK_TRIALS, seed++));
      }
      means.push(`${k}: ${summary(own).mean.toFixed(3)} (max ${summary(own).max})`);
      all.push(...own);
    }
    const { trials, mean, p99, max } = summary(all);
    const name = loss === 1 ? 'repair only' : `${loss * 100} %`;
    console.log(`| ${name} | ${trials} | ${mean.toFixed(3)} | ${p99} | ${max} | ${means.join('; ')} |`);
  }
}

/**
 * Each K there is, with few, with many and with all source symbols missing, and with runs of them; most of them with few,
 * where a weak word of the code of one K shows.
 */
function everyK() {
  const all: number[][] = [];
  for (let k = 1; k <= MOST_SOURCE_SYMBOLS; k++) {
    for (const [pattern, loss, trials] of [
      ['each', 0.01, 8],
      ['each', 0.05, 4],
      ['each', 0.3, 1],
      ['each', 1, 1],
      ['run', 0.05, 3],
      ['run', 0.25, 3],
    ] as const) {
      const histogram = addon().overheadHistogram(k, loss, pattern, trials, k);
      const max = histogram.length - 1;
      if (max > (k <= 32 ? 0 : MOST_OVERHEAD)) {
        console.error(`K = ${k}, ${loss * 100} % lost, ${pattern}: ${max} symbols beyond K`);
        process.exitCode = 1;
      }
      all.push(histogram);
    }
  }
  const { trials, mean, p99, max } = summary(all);
  console.log(
    `K = 1 to ${MOST_SOURCE_SYMBOLS}: ${trials} blocks, overhead mean ${mean.toFixed(3)}, p99 ${p99}, max ${max}`,
  );
}
