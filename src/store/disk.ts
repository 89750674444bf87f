import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Files } from './files.js';
import { mirrorLevelTable } from './level-mirror.js';
import { LevelTable } from './level-table.js';
import { nodeFiles } from './node-files.js';
import type { Table, TableMirror } from './table.js';

/** Where the store keeps what it has: the seam to the file system. */
export interface Disk {
  /** The store's own files: block log, journal, lost+found. LevelDB does its own file access. */
  readonly files: Files;
  /** Creates a folder, and those above it, where they are missing. `path` is absolute. */
  makeFolder(path: string): Promise<void>;
  /** Opens the table in the folder `path`; 'new' creates it if there is none. Rejects with a MurkyError. */
  openTable(path: string, mode: 'new' | 'existing'): Promise<Table>;
  /**
   * A table that nobody has open, for reading alone: nobody else opens it until the mirror is closed. Rejects with
   * MURKY_DATA_DIR_LOCKED if another process has it open.
   */
  mirrorTable(path: string): Promise<TableMirror>;
  /** Moves a table that nobody has open, in place of what is there, durably; nothing if it holds no files. */
  moveTable(from: string, to: string): Promise<void>;
  /**
   * Puts together what is left of a damaged table, and opens that; undefined if there is nothing. Records may be
   * missing, and others may be back that were removed: who asks verifies each.
   */
  salvageTable(path: string): Promise<Table | undefined>;
  /** Removes a table that nobody has open; nothing if there is none. */
  removeTable(path: string): Promise<void>;
  /** Whether `bytes` more can be written in `folder`. */
  hasRoom(folder: string, bytes: number): Promise<boolean>;
  /** Bytes that the files in a folder take on the disk; 0 if there is none. */
  bytesIn(folder: string): Promise<number>;
}

const CHUNK_BYTES = 2 ** 20;
/** POSIX: st_blocks counts in these. */
const STAT_BLOCK_BYTES = 512;

export const levelDisk: Disk = {
  files: nodeFiles,
  makeFolder,
  openTable: (path, mode) => LevelTable.open(path, mode),
  mirrorTable: mirrorLevelTable,
  async moveTable(from, to) {
    if (!(await hasTables(from))) return await rm(from, { recursive: true, force: true });
    await rm(to, { recursive: true, force: true });
    await mkdir(dirname(to), { recursive: true });
    await rename(from, to);
    for (const folder of new Set([dirname(from), dirname(to)])) await nodeFiles.syncDirectory(folder);
  },
  async salvageTable(path) {
    if (!(await hasTables(path))) return undefined;
    await LevelTable.salvage(path);
    return await LevelTable.open(path, 'existing');
  },
  removeTable: (path) => rm(path, { recursive: true, force: true }),
  hasRoom: (folder, bytes) => hasRoom(nodeFiles, folder, bytes),
  bytesIn,
};

/** The same with other files of the store's own. */
export const levelDiskWith = (files: Files): Disk => ({ ...levelDisk, files });

/** Opening a table whose files are lost leaves a lock and a log of messages behind. */
async function hasTables(path: string): Promise<boolean> {
  const names = await readdir(path).catch(() => [] as string[]);
  return names.some((name) => /\.(ldb|log)$|^MANIFEST-/.test(name));
}

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

/** Node's own recursive mkdir never ends where a file system answers ENOENT in a folder that exists, as /proc does. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return;
    const parent = dirname(folder);
    if (code !== 'ENOENT' || parent === folder || (await exists(parent))) throw error;
    await makeFolder(parent);
    await mkdir(folder);
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

/** Files that go meanwhile count nothing. */
async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(gone<string[]>([]));
  const sizes = names.map(async (name) => {
    const found = await stat(join(folder, name)).catch(gone(undefined));
    return found?.isFile() ? Math.max(found.size, found.blocks * STAT_BLOCK_BYTES) : 0;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

const gone =
  <T>(otherwise: T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code !== 'ENOENT') throw error;
    return otherwise;
  };
