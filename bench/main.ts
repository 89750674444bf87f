/**
 * `npm run bench`: the codec beside memcpy, and fetches over loopback beside an HTTP GET of the same bytes. Prints
 * Markdown tables, with the machine. `--json` prints one object instead.
 */
import { parseArgs } from 'node:util';
import { type CodecRow, measureCodec } from './codec/measure.js';
import { type LoopbackRow, measureLoopback } from './loopback/measure.js';
import { machineLine } from './machine.js';
import { markdownTable } from './table.js';

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });

const codec = await measureCodec([64, 256, 781, 4096], { seconds: 4 });
const loopback = await measureLoopback();

if (values.json) {
  console.log(JSON.stringify({ machine: machineLine(), codec, loopback }));
} else {
  console.log(`${machineLine()}\n\n${codecTable(codec)}\n\n${loopbackTable(loopback)}`);
}

function codecTable(rows: readonly CodecRow[]): string {
  const speed = (row: CodecRow, gigabytes: number) =>
    `${Math.round(gigabytes * 1000)} (${(gigabytes / row.memcpyGBps).toFixed(3)})`;
  return markdownTable(
    'One thread, MB/s of source bytes (share of memcpy of the same block), S = 1344; encode: set-up and K repair symbols.',
    ['K', 'memcpy', 'encode', 'decode, 10 % lost', 'decode, repair only', 'overhead in symbols: mean, p99, max'],
    rows.map((row) => [
      `${row.K}`,
      `${Math.round(row.memcpyGBps * 1000)}`,
      speed(row, row.encodeAllRepairGBps),
      speed(row, row.decodeLoss10GBps),
      speed(row, row.decodeRepairOnlyGBps),
      `${row.overheadMean.toFixed(2)}, ${row.overheadP99}, ${row.overheadMax}`,
    ]),
  );
}

function loopbackTable(rows: readonly LoopbackRow[]): string {
  return markdownTable(
    '64 MiB over loopback, every server a process of its own, sealed, every block verified; median of 5.',
    ['way', 'MB/s', 'against HTTP', 'overhead'],
    rows.map((row) => [
      row.way,
      row.megabytesPerSecond.toFixed(0),
      row.ratio.toFixed(2),
      row.overhead === null ? '–' : `${(row.overhead * 100).toFixed(2)} %`,
    ]),
  );
}
