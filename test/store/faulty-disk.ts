import type { Disk } from '../../src/store/disk.js';
import { diskError } from '../../src/store/disk-error.js';
import { LevelTable } from '../../src/store/level-table.js';
import type { Table, TableKind } from '../../src/store/table.js';

/** LevelDB whose batches fail on demand, with what LevelDB says when a disk is full. */
export class FaultyDisk implements Disk {
  /** Batches to these tables fail while they are in here. */
  readonly full = new Set<TableKind>();
  /** A failing batch is nevertheless found on the disk later, as after a failed sync. */
  keepFailed = false;
  /** The probe for room finds some, though opening the table fails. */
  seemsToHaveRoom = false;
  probes = 0;

  async hasRoom(): Promise<boolean> {
    this.probes++;
    return this.seemsToHaveRoom || this.full.size === 0;
  }

  async openTable(path: string, kind: TableKind): Promise<Table> {
    if (this.full.has(kind)) throw diskError(new Error('IO error: 000001.log: No space left on device'), path);
    return this.#faulty(await LevelTable.open(path, kind), path, kind);
  }

  #faulty(table: Table, path: string, kind: TableKind): Table {
    return {
      get: (key) => table.get(key),
      entries: (range) => table.entries(range),
      keys: (range) => table.keys(range),
      approximateBytes: (gte, lt) => table.approximateBytes(gte, lt),
      compact: (gte, lt) => table.compact(gte, lt),
      close: () => table.close(),
      batch: async (changes, sync) => {
        if (!this.full.has(kind)) return await table.batch(changes, sync);
        if (this.keepFailed) await table.batch(changes, sync);
        throw diskError(new Error(`IO error: ${path}/000003.log: No space left on device`), path);
      },
    };
  }
}
