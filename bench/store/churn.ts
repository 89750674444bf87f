/**
 * `npm run soak:store -- --operations N --kills M --seed S`: puts, overwrites, deletes and reads of a store whose budget of
 * 1 GiB is always full, in a process that is killed with SIGKILL M times and goes on in the same folder. Beside it the
 * real sizes of the files are read all the time. Prints how memory, segments and dead bytes develop. The exit code is 1
 * where the folder is larger than the budget by more than a block, more than a fifth of the segments is dead, or memory
 * or the number of segments grows from the middle to the end. SIGINT ends it early, with a report of what was done.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BLOCK_BYTES } from '../../src/object/manifest.js';
import { recordBytes } from '../../src/store/block-record.js';
import { machineLine } from '../machine.js';
import { markdownTable } from '../table.js';
import type { ChurnReport } from './churn-child.js';
import { GIB, MIB, median } from './workload.js';

const CHILD = fileURLToPath(new URL('churn-child.ts', import.meta.url));
const BUDGET_BYTES = GIB;
const SAMPLE_MS = 50;
const ROWS = 20;
const PROGRESS_OPERATIONS = 20_000;
const MAX_DEAD_SHARE = 0.2;
/** Before the log is as large as this, it is still filling up. */
const FULL_SHARE = 0.7;
/** What counts as flat: the median of the last quarter against that of the second. */
const MAX_GROWTH = 1.2;

const { values } = parseArgs({
  options: {
    operations: { type: 'string', default: '1000000' },
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
  },
});
const operations = Number(values.operations);
const kills = Number(values.kills);

interface Sample extends ChurnReport {
  readonly segmentBytes: number;
  readonly otherBytes: number;
}

const folder = await mkdtemp(join(tmpdir(), 'murky-churn-'));
const samples: Sample[] = [];
let most = { segments: 0, folder: 0 };
let done = 0;
const started = Date.now();
console.log(`${machineLine()}\n${operations} operations, ${kills} kills, seed ${values.seed}`);
const sampler = setInterval(measure, SAMPLE_MS);
let interrupted = false;
process.once('SIGINT', () => {
  interrupted = true;
});
try {
  for (let life = 0; life <= kills && !interrupted; life++) {
    const until = life === kills ? operations : Math.floor((operations * (life + 1)) / (kills + 1));
    done = await oneLife(done, until, life === kills);
  }
} finally {
  clearInterval(sampler);
  await rm(folder, { recursive: true, force: true });
}
report();

/** Runs the store from one operation to another; kills it there, or lets it close at the last. Where it was. */
function oneLife(from: number, until: number, last: boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    const to = last ? until : operations;
    const words = [folder, `${BUDGET_BYTES}`, `${from}`, `${to}`, values.seed];
    const child: ChildProcess = fork(CHILD, words);
    let reached = from;
    child.on('message', (message) => {
      const found = message as ChurnReport;
      reached = found.operations;
      samples.push({ ...found, ...sizes() });
      if (reached % PROGRESS_OPERATIONS === 0) console.log(`${reached} after ${seconds()} s`);
      if (interrupted || (reached >= until && !last)) child.kill('SIGKILL');
    });
    child.on('exit', (code, signal) => {
      if (code === 0 || signal === 'SIGKILL') resolve(reached);
      else reject(new Error(`the store's process ended with ${code ?? signal}`));
    });
  });
}

function seconds(): number {
  return Math.round((Date.now() - started) / 1000);
}

function measure(): void {
  const { segmentBytes, otherBytes } = sizes();
  most = {
    segments: Math.max(most.segments, segmentBytes),
    folder: Math.max(most.folder, segmentBytes + otherBytes),
  };
}

/** Bytes that the files take on the disk, as `du` counts them. */
function sizes(): { segmentBytes: number; otherBytes: number } {
  let [segmentBytes, otherBytes] = [0, 0];
  for (const name of readdirSync(folder, { recursive: true }).map(String)) {
    const found = statSync(join(folder, name), { throwIfNoEntry: false });
    if (!found?.isFile()) continue;
    if (name.startsWith('segments')) segmentBytes += found.blocks * 512;
    else otherBytes += found.blocks * 512;
  }
  return { segmentBytes, otherBytes };
}

function report(): void {
  const mib = (bytes: number) => (bytes / MIB).toFixed(0);
  const step = Math.max(1, Math.floor(samples.length / ROWS));
  const rows = samples.filter((_, i) => i % step === step - 1);
  const head = [
    'operations',
    'resident MiB',
    'of files',
    'segments',
    'dead',
    'segments MiB',
    'index, journal MiB',
    'objects',
    'refused',
  ];
  console.log(
    markdownTable(
      '',
      head,
      rows.map((row) => [
        `${row.operations}`,
        mib(row.residentBytes),
        row.residentFileBytes === undefined ? '–' : mib(row.residentFileBytes),
        `${row.segments}`,
        `${((100 * row.deadBytes) / row.logBytes).toFixed(1)} %`,
        mib(row.segmentBytes),
        mib(row.otherBytes),
        `${row.objects}`,
        `${row.refused}`,
      ]),
    ),
  );
  const over = most.folder - BUDGET_BYTES;
  console.log(
    `${done} operations in ${seconds()} s; most bytes of the folder ${mib(most.folder)} MiB (${over} over the budget), ` +
      `of segments ${mib(most.segments)} MiB`,
  );
  const failures: string[] = [];
  if (over > recordBytes(BLOCK_BYTES)) failures.push(`the folder was ${over} bytes over the budget`);
  const full = samples.filter((one) => one.logBytes > FULL_SHARE * BUDGET_BYTES);
  const dead = median(full.map((one) => one.deadBytes / one.logBytes));
  const mostDead = Math.max(...full.map((one) => one.deadBytes / one.logBytes));
  console.log(`dead: median ${(100 * dead).toFixed(1)} %, most ${(100 * mostDead).toFixed(1)} %`);
  if (mostDead > MAX_DEAD_SHARE) failures.push(`${(100 * mostDead).toFixed(1)} % of the segments were dead`);
  for (const what of ['residentBytes', 'segments'] as const) {
    const quarter = (at: number) =>
      median(
        full
          .slice(Math.floor((full.length * at) / 4), Math.floor((full.length * (at + 1)) / 4))
          .map((one) => one[what]),
      );
    const growth = quarter(3) / quarter(1);
    console.log(`${what}: last quarter against the second ${growth.toFixed(2)}`);
    if (growth > MAX_GROWTH) failures.push(`${what} grew by ${growth.toFixed(2)}`);
  }
  for (const failure of failures) console.log(`FAILED: ${failure}`);
  process.exit(failures.length === 0 ? 0 : 1);
}
