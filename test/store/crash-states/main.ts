// npm run sim:leveldb [-- --record] [--every N] [--minutes M]: records a run of the store under strace, or takes the
// recording beside this file, and opens the store in every state that a power cut may leave after each operation, or each
// N-th; it goes no further once M minutes are over. --record writes that recording anew, too.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { inFolder } from '../beds.js';
import { checkStates } from './check-states.js';
import { type Operation, parseStrace, STRACE } from './recording.js';
import { readRecording, writeRecording } from './recording-file.js';

const { values } = parseArgs({
  options: { record: { type: 'boolean', default: false }, every: { type: 'string' }, minutes: { type: 'string' } },
});
const MEMORY = '/dev/shm';
const every = Number(values.every ?? 1);
const minutes = Number(values.minutes ?? Number.POSITIVE_INFINITY);

function record(folder: string): Operation[] {
  const log = join(folder, 'strace.log');
  const work = join(folder, 'work');
  const workload = fileURLToPath(new URL('workload.ts', import.meta.url));
  const words = [...STRACE, '-o', log, process.execPath, '--import', 'tsx', workload, work];
  const { status, error, stderr } = spawnSync('strace', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`strace: ${error?.message ?? stderr}`);
  return parseStrace(readFileSync(log, 'latin1').split('\n'), work);
}

// Memory, where there is a file system in it: what is laid out need not be durable.
await inFolder(
  async (folder) => {
    const operations = values.record ? record(folder) : readRecording();
    if (values.record) writeRecording(operations, writeFileSync);
    const syncs = operations.filter(({ op }) => op === 'sync' || op === 'syncFolder').length;
    console.log(`${operations.length} operations, ${syncs} of them syncs`);
    const started = performance.now();
    let stoppedAt: number | undefined;
    const { states, failures } = await checkStates(
      operations,
      (after) => {
        if (performance.now() - started < minutes * 60_000) return after % every === 0;
        stoppedAt ??= after;
        return false;
      },
      folder,
      (count) => {
        if (count % 200 === 0) console.log(`${count} states`);
      },
    );
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    for (const failure of failures.slice(0, 20)) console.log(failure);
    if (stoppedAt !== undefined) console.log(`the time was over before operation ${stoppedAt} of ${operations.length}`);
    console.log(`${states} states opened in ${seconds} s: ${failures.length} wrong`);
    process.exitCode = failures.length > 0 ? 1 : 0;
  },
  existsSync(MEMORY) ? MEMORY : undefined,
);
