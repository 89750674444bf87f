/** Bytes that a store's process has the kernel write to the disk, for each byte of the objects that it is given. */
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ObjectStore } from '../../src/store/object-store.js';
import { fetchObject, inFolder, inParallel, nodeDisk, putObject, Values } from './workload.js';

/**
 * fresh: new objects in an empty store. overwritten, scattered, evicted: in a store whose budget is full, replicas that are
 * written anew, each in its turn more or less or at random, or new cached copies for which others leave, so that segments
 * are reclaimed and snapshots taken meanwhile. fetched: as a replica that comes from other nodes is written, which can be
 * gone on with where it breaks off.
 */
export type Workload = 'fresh' | 'overwritten' | 'scattered' | 'evicted' | 'fetched';

/** Of a store that is to be full. */
const BUDGET_BYTES = 256 * 2 ** 20;
/** Of the budget, what overwritten replicas take: there must be room for the versions before them. */
const LIVE_SHARE = 0.6;
/** Versions that were overwritten may go at once where room is needed. */
const GRACE_MS = 100;

export interface AmplificationRow {
  readonly workload: Workload;
  readonly objectBytes: number;
  readonly writers: number;
  readonly objects: number;
  readonly amplification: number;
}

/** In a process of its own: /proc/self/io counts all that a process writes. */
export async function measureAmplification(
  objectBytes: number,
  writers: number,
  totalBytes: number,
  workload: Workload = 'fresh',
): Promise<AmplificationRow> {
  const child = fork(fileURLToPath(import.meta.url), [`${objectBytes}`, `${writers}`, `${totalBytes}`, workload]);
  return await new Promise((resolve, reject) => {
    child.on('message', (row) => resolve(row as AmplificationRow));
    child.on('exit', (code) => reject(new Error(`the store's process ended with ${code}`)));
  });
}

/** Includes the close, which writes what LevelDB still held. */
async function run(
  objectBytes: number,
  writers: number,
  totalBytes: number,
  workload: Workload,
): Promise<AmplificationRow> {
  const objects = Math.ceil(totalBytes / objectBytes);
  const overwritten = workload === 'overwritten' || workload === 'scattered';
  const full = overwritten || workload === 'evicted';
  const keys = overwritten ? Math.floor((LIVE_SHARE * BUDGET_BYTES) / objectBytes) : Infinity;
  const role = workload === 'evicted' ? 'cached' : 'replica';
  const put = workload === 'fetched' ? fetchObject : putObject;
  return await inFolder(async (folder) => {
    const values = new Values(objectBytes);
    let before = writtenBytes();
    const store = await ObjectStore.open(
      full
        ? { folder, disk: nodeDisk, maxBytes: BUDGET_BYTES, wholeFolder: true, graceMs: GRACE_MS }
        : { folder, disk: nodeDisk, maxBytes: 2 * totalBytes },
    );
    const write = (from: number, to: number) =>
      inParallel(writers, from, to, (i) =>
        values.use(i, (value) => put(store, `object-${keyOf(i, keys, workload)}`, value, i + 1, role)),
      );
    const filled = full ? Math.ceil(BUDGET_BYTES / objectBytes) : 0;
    if (full) {
      await write(0, filled);
      before = writtenBytes();
    }
    await write(filled, filled + objects);
    await store.close();
    const amplification = (writtenBytes() - before) / (objects * objectBytes);
    return { workload, objectBytes, writers, objects, amplification };
  });
}

/** Overwritten in no order: what is dead is spread over all segments. Two writers seldom have one key. */
function keyOf(number: number, keys: number, workload: Workload): number {
  if (keys === Infinity || number < keys) return number;
  if (workload === 'scattered') return mixed(number) % keys;
  return (Math.imul(number, 2654435761) >>> 0) % keys;
}

/** The finalizer of MurmurHash3. */
function mixed(number: number): number {
  let h = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function writtenBytes(): number {
  const line = /^write_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'));
  return Number(line?.[1]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [objectBytes = 0, writers = 1, totalBytes = 0] = process.argv.slice(2, 5).map(Number);
  process.send?.(await run(objectBytes, writers, totalBytes, process.argv[5] as Workload));
  process.disconnect();
}
