import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Files } from './files.js';
import { LevelTable } from './level-table.js';
import { nodeFiles } from './node-files.js';
import type { Table } from './table.js';

/** Where the store keeps what it has: the seam to the file system. */
export interface Disk {
  /** The files of the block log. LevelDB does its own file access. */
  readonly files: Files;
  /** Opens, and creates if need be, the table in the folder `path`. Rejects with a MurkyError. */
  openTable(path: string): Promise<Table>;
  /** Removes a table that nobody has open; nothing if there is none. */
  removeTable(path: string): Promise<void>;
  /** Whether `bytes` more can be written in `folder`. */
  hasRoom(folder: string, bytes: number): Promise<boolean>;
}

const CHUNK_BYTES = 2 ** 20;

export const levelDisk: Disk = {
  files: nodeFiles,
  openTable: (path) => LevelTable.open(path),
  removeTable: (path) => rm(path, { recursive: true, force: true }),
  hasRoom: (folder, bytes) => hasRoom(nodeFiles, folder, bytes),
};

/** Free space does not tell of a quota, so the bytes are really written, and removed again. */
async function hasRoom(files: Files, folder: string, bytes: number): Promise<boolean> {
  const probe = join(folder, 'probe');
  try {
    if ((await files.freeBytes(folder)) < bytes) return false;
    await files.unlink(probe).catch(() => {});
    const file = await files.open(probe, 'new');
    try {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      for (let at = 0; at < bytes; at += CHUNK_BYTES) await file.write([chunk], at);
      await file.sync();
    } finally {
      await file.close();
    }
    return true;
  } catch {
    return false;
  } finally {
    await files.unlink(probe).catch(() => {});
  }
}
