import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, statfs, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Files, StoreFile } from './files.js';

/** writev takes at most this many parts in one call (IOV_MAX is 1024 on Linux and macOS). */
const MAX_PARTS = 1024;

const FLAGS = {
  new: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
  existing: constants.O_RDWR,
  read: constants.O_RDONLY,
} as const;

/** {@link Files} on a real file system. */
export const nodeFiles: Files = {
  async makeFolder(path) {
    try {
      await mkdir(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
      throw error;
    }
    await nodeFiles.syncDirectory(dirname(path));
  },
  list: (folder) => readdir(folder),
  async open(path, mode) {
    return new NodeFile(await open(path, FLAGS[mode], 0o600));
  },
  unlink: (path) => unlink(path),
  async syncDirectory(folder) {
    const handle = await open(folder, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  async freeBytes(folder) {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  },
};

class NodeFile implements StoreFile {
  constructor(private readonly handle: FileHandle) {}

  get descriptor(): number {
    return this.handle.fd;
  }

  async size(): Promise<number> {
    return (await this.handle.stat()).size;
  }

  async write(parts: readonly Uint8Array[], offset: number): Promise<void> {
    let at = offset;
    for (let from = 0; from < parts.length; from += MAX_PARTS) {
      at = await this.#writeAll(parts.slice(from, from + MAX_PARTS), at);
    }
  }

  /** A disk that is nearly full, or a signal, may cut a write short: the rest is written again, or fails in words. */
  async #writeAll(parts: Uint8Array[], offset: number): Promise<number> {
    let at = offset;
    let left = parts;
    while (left.length > 0) {
      const { bytesWritten } = await this.handle.writev(left, at);
      at += bytesWritten;
      let skip = bytesWritten;
      left = left.flatMap((part) => {
        const skipped = Math.min(skip, part.length);
        skip -= skipped;
        return skipped === part.length ? [] : [part.subarray(skipped)];
      });
    }
    return at;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(length);
    let read = 0;
    while (read < length) {
      const { bytesRead } = await this.handle.read(bytes, read, length - read, offset + read);
      if (bytesRead === 0) break;
      read += bytesRead;
    }
    return bytes.subarray(0, read);
  }

  async sync(): Promise<void> {
    await this.handle.datasync();
  }

  async truncate(size: number): Promise<void> {
    await this.handle.truncate(size);
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}
