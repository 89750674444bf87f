import { getSystemErrorMap } from 'node:util';
import type { FileWrites } from '../seam/file-writes.js';
import { addon } from './addon.js';

const NEXT = { nothing: 0, start: 1, sync: 2 } as const;

/** {@link FileWrites} by the system, each on one thread of Node's pool. */
export const fileWrites: FileWrites = {
  get sums() {
    return addon().crc32 !== undefined;
  },
  async write(descriptor, parts, offset, after, headers = []) {
    const errno = await addon().writeParts(descriptor, parts, offset, NEXT[after], headers);
    if (errno === 0) return;
    const [code, sentence] = getSystemErrorMap().get(-errno) ?? ['EIO', `error ${errno}`];
    throw Object.assign(new Error(`${code}: ${sentence}, write`), { code, errno: -errno, syscall: 'write' });
  },
};
