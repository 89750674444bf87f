import { type Sha256, sha256Here } from '../seam/digest.js';
import { addon } from './addon.js';

/** Below it the way to another thread and back takes longer than the hash. */
const MIN_BYTES = 32 * 1024;
/**
 * Node's pool has four threads and one queue. A put of many blocks at once would fill it with hashes, and what is short
 * but waited for by all, writes, syncs and LevelDB, would come behind them while the disk has nothing to do.
 */
const MAX_AT_ONCE = 2;

let underWay = 0;
const waiting: (() => void)[] = [];

/** {@link Sha256} on a thread of Node's pool, from where the bytes are: nothing is copied. */
export const sha256InPool: Sha256 = async (bytes) => {
  if (bytes.length < MIN_BYTES) return await sha256Here(bytes);
  if (underWay < MAX_AT_ONCE) underWay++;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    return await addon().sha256InPool(bytes);
  } finally {
    const next = waiting.shift();
    if (next) next();
    else underWay--;
  }
};
