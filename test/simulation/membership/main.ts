// npm run sim:membership [-- --seed N] [--failures N] [--sizes 10,100,1000] [--loss 0.05]: how soon a failure is known
// everywhere, and what each node sends, in virtual time. Exits 1 where a failure takes more than 10 periods without loss,
// or where a node of the largest cluster sends over 1.4 times what one of the smallest does.
import { parseArgs } from 'node:util';
import { type Figures, measure } from './measure.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    failures: { type: 'string', default: '10' },
    sizes: { type: 'string', default: '10,100,1000' },
    loss: { type: 'string', default: '0' },
  },
});
const MAX_PERIODS = 10;
/** A question to whom was asked in the last 10 seconds needs no new token: that is most of them where there are few. */
const MAX_GROWTH = 1.4;

const all: Figures[] = [];
for (const size of values.sizes.split(',').map(Number)) {
  const failures = Math.min(Number(values.failures), Math.floor(size / 2));
  const figures = await measure(size, failures, Number(values.loss), Number(values.seed));
  all.push(figures);
  const { nodes, periods, quietBytesPerSecond, quietDatagramsPerSecond, failureBytesPerSecond, slandered } = figures;
  const sorted = [...periods].sort((a, b) => a - b);
  console.log(
    `${nodes} nodes: a failure is known everywhere after ${sorted[Math.floor(sorted.length / 2)]?.toFixed(1)} periods ` +
      `(median of ${sorted.length}, worst ${sorted.at(-1)?.toFixed(1)}); a node sends ${quietBytesPerSecond.toFixed(0)} ` +
      `bytes and ${quietDatagramsPerSecond.toFixed(1)} datagrams a second, ${failureBytesPerSecond.toFixed(0)} bytes ` +
      `while a failure gets round; ${slandered} times a running node was taken to be away`,
  );
}
const slow = all.some(({ periods }) => periods.some((taken) => !(taken <= MAX_PERIODS)));
const growth = (all.at(-1)?.quietBytesPerSecond ?? 0) / (all[0]?.quietBytesPerSecond ?? 1);
console.log(`traffic of the largest over that of the smallest: ${growth.toFixed(2)}`);
process.exit(Number(values.loss) === 0 && (slow || growth > MAX_GROWTH) ? 1 : 0);
