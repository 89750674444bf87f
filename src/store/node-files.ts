import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, statfs, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { AfterWrite, FileWrites } from '../seam/file-writes.js';
import type { Hole, PunchHoles } from '../seam/punch-holes.js';
import type { FileHoles, Files, StoreFile } from './files.js';

/** writev takes at most this many parts in one call (IOV_MAX is 1024 on Linux and macOS). */
const MAX_PARTS = 1024;

/** The disk begins at once to write so many bytes, and has less to do when they are synced. */
const EARLY_BYTES = 256 * 2 ** 10;

const FLAGS = {
  new: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
  existing: constants.O_RDWR,
  read: constants.O_RDONLY,
} as const;

/** POSIX: st_blocks counts in these. */
const STAT_BLOCK_BYTES = 512;

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

/** The same, with holes, and with writes that go further in one go. */
export function nodeFilesWith(punchHoles: PunchHoles, fileWrites?: FileWrites): Files {
  return {
    ...nodeFiles,
    open: async (path, mode) => new NodeFile(await open(path, FLAGS[mode], 0o600), punchHoles, fileWrites),
  };
}

class NodeFile implements StoreFile {
  readonly holes: FileHoles | undefined;
  readonly writeSynced: StoreFile['writeSynced'];
  readonly writeRecords: StoreFile['writeRecords'];
  /** The handle does not know of writes past it, and would not wait for them. */
  private readonly underWay = new Set<Promise<void>>();

  constructor(
    private readonly handle: FileHandle,
    punchHoles?: PunchHoles,
    private readonly fileWrites?: FileWrites,
  ) {
    if (fileWrites) {
      this.writeSynced = (parts, offset) => this.#writeThen('sync', fileWrites, parts, offset);
      if (fileWrites.sums) {
        this.writeRecords = (parts, headers, offset) =>
          this.#writeThen(startOf(parts), fileWrites, parts, offset, headers);
      }
    }
    this.holes = punchHoles && { bytes: () => this.#holeBytes(), punch: (parts) => this.#punch(parts, punchHoles) };
  }

  get descriptor(): number {
    return this.handle.fd;
  }

  async size(): Promise<number> {
    return (await this.handle.stat()).size;
  }

  async write(parts: readonly Uint8Array[], offset: number): Promise<void> {
    if (this.fileWrites) return await this.#writeThen(startOf(parts), this.fileWrites, parts, offset);
    let at = offset;
    for (let from = 0; from < parts.length; from += MAX_PARTS) {
      at = await this.#writeAll(parts.slice(from, from + MAX_PARTS), at);
    }
  }

  async #writeThen(
    after: AfterWrite,
    { write }: FileWrites,
    parts: readonly Uint8Array[],
    offset: number,
    headers?: readonly number[],
  ): Promise<void> {
    const writing = write(this.handle.fd, parts, offset, after, headers);
    this.underWay.add(writing);
    try {
      await writing;
    } finally {
      this.underWay.delete(writing);
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
    await Promise.allSettled(this.underWay);
    await this.handle.close();
  }

  async #holeBytes(): Promise<number> {
    const { size, blocks } = await this.handle.stat();
    return Math.max(0, size - blocks * STAT_BLOCK_BYTES);
  }

  /** Whole blocks of the file system alone: of a part of one nothing is gained, and its zeros would be written. */
  async #punch(parts: readonly Hole[], punchHoles: PunchHoles): Promise<boolean> {
    const { blksize } = await this.handle.stat();
    const holes = parts.flatMap((part) => wholeBlocks(part, blksize));
    return holes.length === 0 || (await punchHoles(this.handle.fd, holes));
  }
}

const startOf = (parts: readonly Uint8Array[]): AfterWrite =>
  parts.reduce((sum, part) => sum + part.length, 0) >= EARLY_BYTES ? 'start' : 'nothing';

function wholeBlocks({ offset, length }: Hole, blockBytes: number): Hole[] {
  const from = Math.ceil(offset / blockBytes) * blockBytes;
  const to = Math.floor((offset + length) / blockBytes) * blockBytes;
  return to > from ? [{ offset: from, length: to - from }] : [];
}
