/**
 * `npm run bench:store [-- --part ingest|amplification|small-puts|restart|serving] [--json]`: the store beside plain files and
 * bare LevelDB in the same run. Prints Markdown tables, with the machine and the file system.
 */
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { machineLine } from '../machine.js';
import { markdownTable } from '../table.js';
import { measureIngest } from './ingest.js';
import { measureRestart } from './restart.js';
import { measureServing } from './serving.js';
import { measureSmallPuts } from './small-puts.js';
import { GIB, KIB, MIB } from './workload.js';
import { measureAmplification } from './write-amplification.js';

const PARTS = ['ingest', 'small-puts', 'amplification', 'restart', 'serving'];
const { values } = parseArgs({ options: { part: { type: 'string', multiple: true, default: PARTS } } });

console.log(`${machineLine()}, ${fileSystem()}\n`);
for (const part of values.part) console.log(`${await tableOf(part)}\n`);

async function tableOf(part: string): Promise<string> {
  if (part === 'ingest') return await ingest();
  if (part === 'amplification') return await amplification();
  if (part === 'small-puts') return await smallPuts();
  if (part === 'restart') return await restart();
  if (part === 'serving') return await serving();
  throw new Error(`There is no part "${part}"; there are ${PARTS.join(', ')}.`);
}

async function ingest(): Promise<string> {
  const rows = [await measureIngest(1), await measureIngest(4), await measureIngest(16)];
  return markdownTable(
    '1 GiB in objects of 1 MiB, each durable before it is acknowledged; against a plain file each, with fdatasync.',
    ['writers', 'store MB/s', 'files MB/s', 'ratio', 'median put', 'slowest put', 'slowest / median', 'slowest file'],
    rows.map((row) => [
      `${row.writers}`,
      row.storeMBps.toFixed(0),
      row.filesMBps.toFixed(0),
      row.ratio.toFixed(2),
      `${row.medianPutMs.toFixed(1)} ms`,
      `${row.slowestPutMs.toFixed(0)} ms`,
      (row.slowestPutMs / row.medianPutMs).toFixed(1),
      `${row.slowestFileMs.toFixed(0)} ms`,
    ]),
  );
}

async function amplification(): Promise<string> {
  const rows = [];
  for (const [workload, bytes, writers, total] of [
    ['fresh', 64 * KIB, 1, 256 * MIB],
    ['fresh', 64 * KIB, 16, 256 * MIB],
    ['fresh', MIB, 1, 512 * MIB],
    ['fresh', 16 * MIB, 1, 512 * MIB],
    ['fresh', 16 * KIB, 16, 128 * MIB],
    ['fresh', KIB, 64, 32 * MIB],
    ['overwritten', 64 * KIB, 16, GIB],
    ['overwritten', MIB, 4, GIB],
    ['scattered', 64 * KIB, 16, GIB],
    ['scattered', MIB, 4, GIB],
    ['evicted', 64 * KIB, 16, GIB],
    ['evicted', MIB, 4, GIB],
    ['fetched', 64 * KIB, 16, 256 * MIB],
    ['fetched', MIB, 4, 512 * MIB],
    ['fetched', 64 * MIB, 2, 512 * MIB],
  ] as const) {
    rows.push(await measureAmplification(bytes, writers, total, workload));
  }
  return markdownTable(
    'Bytes that the process writes to the disk (write_bytes of /proc/self/io) for each byte of the objects.',
    ['objects', 'of', 'writers', 'in all', 'written / given'],
    rows.map((row) => [
      row.workload,
      `${row.objectBytes / KIB} KiB`,
      `${row.writers}`,
      `${row.objects}`,
      row.amplification.toFixed(3),
    ]),
  );
}

async function smallPuts(): Promise<string> {
  const rows = [await measureSmallPuts(1), await measureSmallPuts(64)];
  return markdownTable(
    'Durable puts of 1 KiB; against LevelDB batches of one value of the same size, with sync.',
    ['writers', 'store puts/s', 'LevelDB puts/s', 'ratio', 'median put', 'slowest put'],
    rows.map((row) => [
      `${row.writers}`,
      row.storePutsPerSecond.toFixed(0),
      row.levelPutsPerSecond.toFixed(0),
      row.ratio.toFixed(2),
      `${row.medianPutMs.toFixed(1)} ms`,
      `${row.slowestPutMs.toFixed(0)} ms`,
    ]),
  );
}

async function restart(): Promise<string> {
  const objects = 100_000;
  const rows = [await measureRestart(objects, KIB), await measureRestart(objects, 20 * KIB)];
  rows.push(await measureRestart(objects, 80 * KIB));
  return markdownTable(
    'Opening a store of 100,000 objects; against opening its LevelDB and iterating over all keys. Median of 7.',
    ['object', 'values in all', 'store', 'LevelDB', 'ratio'],
    rows.map((row) => [
      `${row.objectBytes / KIB} KiB`,
      `${((row.objects * row.objectBytes) / GIB).toFixed(1)} GiB`,
      `${row.storeMs.toFixed(0)} ms`,
      `${row.levelMs.toFixed(0)} ms`,
      row.ratio.toFixed(2),
    ]),
  );
}

async function serving(): Promise<string> {
  return markdownTable(
    'CPU for each MiB that is served, blocks of 1 MiB from the page cache; median of 9 rounds.',
    ['step', 'all threads', 'the JavaScript thread busy'],
    (await measureServing()).map(({ step, cpuMs, threadMs }) => [
      step,
      `${cpuMs.toFixed(2)} ms`,
      `${threadMs.toFixed(2)} ms`,
    ]),
  );
}

function fileSystem(): string {
  const [, line = ''] = execFileSync('df', ['--output=fstype', tmpdir()], { encoding: 'utf8' }).split('\n');
  return `${line.trim()} at ${tmpdir()}`;
}
