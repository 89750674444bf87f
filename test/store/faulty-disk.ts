import { basename } from 'node:path';
import { type Disk, levelDisk } from '../../src/store/disk.js';
import { diskError } from '../../src/store/disk-error.js';
import type { Files, StoreFile } from '../../src/store/files.js';
import { LevelTable } from '../../src/store/level-table.js';
import type { Table } from '../../src/store/table.js';

/** A part of the store's folder. */
export type Part = 'index' | 'journal' | 'segments' | 'lost+found';

/** A real disk on which writes fail on demand, with what is said when a disk is full. */
export class FaultyDisk implements Disk {
  /** Writes to these parts fail while they are in here. */
  readonly full = new Set<Part>();
  /** A failing batch is nevertheless found on the disk later, as after a failed sync. */
  keepFailed = false;
  /** The probe for room finds some, though opening the table fails. */
  seemsToHaveRoom = false;
  probes = 0;
  readonly makeFolder = levelDisk.makeFolder;
  readonly removeTable = levelDisk.removeTable;
  readonly bytesIn = levelDisk.bytesIn;
  readonly mirrorTable = levelDisk.mirrorTable;
  readonly moveTable = levelDisk.moveTable;
  readonly salvageTable = levelDisk.salvageTable;
  readonly files: Files = {
    ...levelDisk.files,
    open: async (path, mode) => {
      const file = await levelDisk.files.open(path, mode);
      const part = (['journal', 'segments', 'lost+found'] as const).find((one) => path.includes(`/${one}/`));
      return part ? this.#faultyFile(file, part) : file;
    },
  };

  async hasRoom(): Promise<boolean> {
    this.probes++;
    return this.seemsToHaveRoom || this.full.size === 0;
  }

  async openTable(path: string, mode: 'new' | 'existing'): Promise<Table> {
    const part = basename(path) as Part;
    if (this.full.has(part)) throw diskError(new Error('IO error: 000001.log: No space left on device'), path);
    return this.#faultyTable(await LevelTable.open(path, mode), path, part);
  }

  #faultyFile(file: StoreFile, part: Part): StoreFile {
    return {
      size: () => file.size(),
      read: (offset, length) => file.read(offset, length),
      sync: () => file.sync(),
      truncate: (size) => file.truncate(size),
      close: () => file.close(),
      write: async (parts, offset) => {
        if (!this.full.has(part)) return await file.write(parts, offset);
        // A full disk takes a part of what is written.
        await file.write([parts[0]!.subarray(0, 10)], offset);
        throw Object.assign(new Error('ENOSPC: no space left on device, writev'), { code: 'ENOSPC' });
      },
    };
  }

  #faultyTable(table: Table, path: string, part: Part): Table {
    return {
      get: (key) => table.get(key),
      entries: (range) => table.entries(range),
      keys: (range) => table.keys(range),
      close: () => table.close(),
      flush: () => table.flush(),
      batch: async (changes, sync) => {
        if (!this.full.has(part)) return await table.batch(changes, sync);
        if (this.keepFailed) await table.batch(changes, sync);
        throw diskError(new Error(`IO error: ${path}/000003.log: No space left on device`), path);
      },
    };
  }
}
