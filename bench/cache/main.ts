/**
 * `npm run bench:cache [-- --seeds N] [--from N]`: hit ratios of the store's policy for cached copies, beside LRU, LFU, 2Q
 * and ARC on the same traces, each made from several seeds. The exit code is 1 where it is more than one point below the
 * best of them, with any seed, on one of the traces of the goal. A seed takes minutes.
 */
import { parseArgs } from 'node:util';
import { markdownTable } from '../table.js';
import { Arc } from './arc.js';
import { Lfu } from './lfu.js';
import { Lru } from './lru.js';
import type { CachePolicy } from './policy.js';
import { StorePolicy } from './store-policy.js';
import { loopTrace, scanTrace, shiftingTrace, type Trace, WARM_UP_SHARE, zipfTrace } from './traces.js';
import { TwoQ } from './two-q.js';

const GOAL_POINTS = 1;
const POLICIES = [Lru, Lfu, TwoQ, Arc, StorePolicy];

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '1' }, from: { type: 'string', default: '1' } },
});
const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => Number(values.from) + i);

/** The last two are no part of the goal. Loops are the same with every seed. */
const makers: ((seed: number) => Trace)[] = [
  (seed) => zipfTrace(1000, seed),
  (seed) => zipfTrace(10_000, seed),
  (seed) => scanTrace(1000, seed),
  (seed) => scanTrace(10_000, seed),
  () => loopTrace(1000, 1200),
  () => loopTrace(10_000, 20_000),
  (seed) => shiftingTrace(1000, seed),
  (seed) => shiftingTrace(10_000, seed),
];

const rows: string[][] = [];
let missed = 0;
for (const make of makers) {
  const ratios = POLICIES.map(() => [] as number[]);
  const points: number[] = [];
  for (const seed of make.length === 0 ? seeds.slice(0, 1) : seeds) {
    const trace = make(seed);
    const policies: CachePolicy[] = POLICIES.map((Policy) => new Policy(trace.capacity));
    for (const [i, policy] of policies.entries()) ratios[i]!.push(100 * (await hitRatio(policy, trace)));
    const [ours, ...others] = ratios.map((one) => one.at(-1)!).reverse();
    points.push(ours! - Math.max(...others));
    if (trace.goal && points.at(-1)! < -GOAL_POINTS) missed++;
  }
  const { name, capacity } = make(seeds[0]!);
  const means = [...ratios, points].map((one) => mean(one).toFixed(1));
  rows.push([name, `${capacity}`, ...means, Math.min(...points).toFixed(1)]);
}
const title = `Hits, % of the requests behind the first fifth, mean of seeds ${seeds[0]} to ${seeds.at(-1)}; objects of one size.`;
const head = [
  'trace',
  'cache holds',
  'LRU',
  'LFU',
  '2Q',
  'ARC',
  'the store',
  'points above the best other',
  'the worst seed',
];
console.log(markdownTable(title, head, rows));
process.exit(missed === 0 ? 0 : 1);

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
}

async function hitRatio(policy: CachePolicy, trace: Trace): Promise<number> {
  const keys = [...trace.keys()];
  const from = Math.floor(keys.length * WARM_UP_SHARE);
  let hits = 0;
  for (const [i, key] of keys.entries()) if ((await policy.access(key)) && i >= from) hits++;
  return hits / (keys.length - from);
}
