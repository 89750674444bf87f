import { availableParallelism } from 'node:os';
import { type Sha256, sha256Here } from '../seam/digest.js';
import { addon } from './addon.js';

/** Below it the way to another thread and back takes longer than the hash. */
const MIN_BYTES = 32 * 1024;
/**
 * Node's pool has four threads and one queue. A put of many blocks at once would fill it with hashes, and what is short
 * but waited for by all, writes, syncs and LevelDB, would come behind them while the disk has nothing to do. The same
 * holds for processors: of two, one is left to all else.
 */
const MAX_AT_ONCE = Math.min(2, Math.max(1, availableParallelism() - 1));

interface Waiting {
  readonly bytes: Uint8Array;
  resolve(hash: Uint8Array | Promise<Uint8Array>): void;
}

let underWay = 0;
let waiting: Waiting[] = [];

/**
 * {@link Sha256} on a thread of Node's pool, from where the bytes are: nothing is copied. What has to wait meanwhile is
 * hashed together, as far as it has one length and the processor gains by it.
 */
export const sha256InPool: Sha256 = async (bytes) => {
  if (bytes.length < MIN_BYTES) return await sha256Here(bytes);
  return await new Promise((resolve) => {
    waiting.push({ bytes, resolve });
    // Behind the write of the same block, which the disk waits for: two threads that wake may meet on one processor.
    if (underWay < MAX_AT_ONCE) setImmediate(() => void hashWaiting());
  });
};

async function hashWaiting(): Promise<void> {
  if (underWay >= MAX_AT_ONCE) return;
  underWay++;
  while (waiting.length > 0) await hashGroup(takeGroup());
  underWay--;
}

/** The one that has waited longest, and of its length this thread's share of those that wait. */
function takeGroup(): Waiting[] {
  const share = Math.ceil(waiting.length / (1 + MAX_AT_ONCE - underWay));
  const { length } = waiting[0]!.bytes;
  const group = waiting.filter(({ bytes }) => bytes.length === length);
  group.length = Math.min(group.length, share, addon().sha256Streams());
  waiting = waiting.filter((one) => !group.includes(one));
  return group;
}

async function hashGroup(group: readonly Waiting[]): Promise<void> {
  if (group.length > 1) {
    const hashes = await hashTogether(group.map(({ bytes }) => bytes)).catch(() => undefined);
    if (hashes) {
      for (const [at, { resolve }] of group.entries()) resolve(hashes[at]!);
      return;
    }
  }
  // Alone, and one that fails fails alone.
  for (const { bytes, resolve } of group) {
    const hashing = hashAlone(bytes);
    resolve(hashing);
    await hashing.catch(() => {});
  }
}

async function hashTogether(arrays: readonly Uint8Array[]): Promise<Uint8Array[]> {
  return await addon().sha256Together(arrays);
}

async function hashAlone(bytes: Uint8Array): Promise<Uint8Array> {
  return await addon().sha256InPool(bytes);
}
