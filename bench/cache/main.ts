/**
 * `npm run bench:cache`: hit ratios of the store's policy for cached copies, beside LRU, LFU, 2Q and ARC on the same
 * traces. The exit code is 1 where it is more than one point below the best of them on one of the traces of the goal.
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

const { values } = parseArgs({ options: { seed: { type: 'string', default: '1' } } });
const seed = Number(values.seed);

const traces: Trace[] = [
  zipfTrace(1000, seed),
  zipfTrace(10_000, seed),
  scanTrace(1000, seed),
  scanTrace(10_000, seed),
  loopTrace(1000, 1200),
  loopTrace(10_000, 20_000),
  shiftingTrace(1000, seed),
  shiftingTrace(10_000, seed),
];

const rows: string[][] = [];
let missed = 0;
for (const trace of traces) {
  const policies: CachePolicy[] = [Lru, Lfu, TwoQ, Arc, StorePolicy].map((Policy) => new Policy(trace.capacity));
  const ratios: number[] = [];
  for (const policy of policies) ratios.push(100 * (await hitRatio(policy, trace)));
  const ours = ratios.at(-1)!;
  const points = ours - Math.max(...ratios.slice(0, -1));
  if (trace.goal && points < -GOAL_POINTS) missed++;
  rows.push([trace.name, `${trace.capacity}`, ...ratios.map((ratio) => ratio.toFixed(1)), points.toFixed(1)]);
}
const head = ['trace', 'cache holds', 'LRU', 'LFU', '2Q', 'ARC', 'the store', 'points above the best other'];
console.log(
  markdownTable(`Hits, % of the requests behind the first fifth; objects of one size, seed ${seed}.`, head, rows),
);
process.exit(missed === 0 ? 0 : 1);

async function hitRatio(policy: CachePolicy, trace: Trace): Promise<number> {
  const keys = [...trace.keys()];
  const from = Math.floor(keys.length * WARM_UP_SHARE);
  let hits = 0;
  for (const [i, key] of keys.entries()) if ((await policy.access(key)) && i >= from) hits++;
  return hits / (keys.length - from);
}
