import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { BENCH_SIZES, type CodecRow, decodeSpeeds, LOSSES, measureCodec } from './measure.js';
import { plot } from './plot.js';

const { values } = parseArgs({
  options: {
    k: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
    svg: { type: 'string' },
  },
});

const sizes = values.k?.map(Number) ?? [...BENCH_SIZES];
const rows = await measureCodec(sizes, { seconds: Number(values.seconds), rounds: Number(values.rounds) });
const machine = `${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.versions.node}, ${rows[0]?.kernel} kernel, one thread`;
if (values.svg) writeFileSync(values.svg, plot(rows, machine));
if (values.json) {
  console.log(JSON.stringify({ machine, rows }));
} else {
  printTables(rows);
}

function printTables(rows: CodecRow[]) {
  const speed = (value: number, share: number) => `${value.toFixed(2)} (${share.toFixed(3)})`;
  console.log(`${machine}\n\nGB/s of source bytes (share of memcpy of the same block), S = ${rows[0]?.S}\n`);
  table(
    ['K', 'memcpy', 'set-up', 'set-up + K repair', ...LOSSES.map((loss) => `decode ${name(loss)}`)],
    rows.map((row) => [
      row.K,
      row.memcpyGBps.toFixed(1),
      speed(row.setupGBps, row.setupShare),
      speed(row.encodeAllRepairGBps, row.encodeAllRepairShare),
      ...decodeSpeeds(row).map((value, n) => speed(value, row.decodeShares[n]!)),
    ]),
  );
  console.log('\nTail after the last symbol in µs, median / p99; taking the block in µs\n');
  table(
    ['K', ...LOSSES.map(name)],
    rows.map((row) => [
      row.K,
      ...LOSSES.map((_, n) => `${row.tailMedianMicros[n]} / ${row.tailP99Micros[n]}; ${row.takeMicros[n]}`),
    ]),
  );
  console.log('\nAdditions of rows per source symbol: set-up, decode; inactive columns\n');
  table(
    ['K', 'set-up', ...LOSSES.map(name)],
    rows.map((row) => [
      row.K,
      row.setupXorsPerSource,
      ...LOSSES.map((_, n) => `${row.decodeXorsPerSource[n]}; ${row.inactivations[n]}`),
    ]),
  );
  console.log('\nOverhead in symbols at 1 to 50 % loss and repair-only; JavaScript in batches of 64 against native\n');
  table(
    [
      'K',
      'mean',
      'p99',
      'max',
      'trials',
      'JS encode',
      'JS decode 10 %, into',
      'by means',
      'take()',
      'by means',
      'take(out)',
      'by means',
    ],
    rows.map((row) => [
      row.K,
      row.overheadMean,
      row.overheadP99,
      row.overheadMax,
      row.overheadTrials,
      row.jsEncodeShare,
      row.jsDecodeShare,
      row.jsDecodeMeanShare,
      row.jsDecodeHandOverShare,
      row.jsDecodeHandOverMeanShare,
      row.jsDecodeCopyShare,
      row.jsDecodeCopyMeanShare,
    ]),
  );
}

function name(loss: number): string {
  return loss === 1 ? 'repair only' : `${loss * 100} %`;
}

function table(head: (string | number)[], body: (string | number)[][]) {
  console.log(`| ${head.join(' | ')} |\n|${' --- |'.repeat(head.length)}`);
  for (const line of body) console.log(`| ${line.join(' | ')} |`);
}
