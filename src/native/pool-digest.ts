import { type Sha256, sha256Here } from '../seam/digest.js';
import { addon } from './addon.js';

/** Below it the way to another thread and back takes longer than the hash. */
const MIN_BYTES = 32 * 1024;

/** {@link Sha256} on a thread of Node's pool, from where the bytes are: nothing is copied. */
export const sha256InPool: Sha256 = (bytes) =>
  bytes.length < MIN_BYTES ? sha256Here(bytes) : addon().sha256InPool(bytes);
