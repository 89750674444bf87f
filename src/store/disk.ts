import { open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { LevelTable } from './level-table.js';
import type { Table, TableKind } from './table.js';

/** Where the store keeps its tables: the seam to the file system. */
export interface Disk {
  /** Opens, and creates if need be, the table in the folder `path`. Rejects with a MurkyError. */
  openTable(path: string, kind: TableKind): Promise<Table>;
  /** Whether `bytes` more can be written in `folder`. */
  hasRoom(folder: string, bytes: number): Promise<boolean>;
}

const CHUNK_BYTES = 2 ** 20;

export const levelDisk: Disk = {
  openTable: (path, kind) => LevelTable.open(path, kind),

  /** Free space does not tell of a quota, so the bytes are really written, and removed again. */
  async hasRoom(folder, bytes) {
    const probe = join(folder, 'probe');
    try {
      const { bavail, bsize } = await statfs(folder);
      if (bavail * bsize < bytes) return false;
      const file = await open(probe, 'w');
      try {
        const chunk = Buffer.alloc(CHUNK_BYTES);
        for (let written = 0; written < bytes; written += CHUNK_BYTES) await file.writeFile(chunk);
        await file.datasync();
      } finally {
        await file.close();
      }
      return true;
    } catch {
      return false;
    } finally {
      await rm(probe, { force: true }).catch(() => {});
    }
  },
};
