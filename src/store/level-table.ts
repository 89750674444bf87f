import { Level } from 'level';
import { diskError } from './disk-error.js';
import { nodeFiles } from './node-files.js';
import type { Table, TableChange, TableRange } from './table.js';

const MIB = 2 ** 20;

/** LevelDB's defaults for small records, with a cache that holds the records of a busy working set. */
const SETTINGS = { compression: true, writeBufferSize: 4 * MIB, maxFileSize: 4 * MIB, cacheSize: 16 * MIB } as const;

/** Most bytes that one step of an iterator takes into memory beside its last entry. */
const ITERATOR_BYTES = 256 * 1024;

/**
 * A step takes memory for as many entries as it asks for, 64 bytes each, whether they are there or not, and a closed
 * iterator keeps it until the collector comes, which does not know of it. Most ranges hold no more than a few entries.
 */
const FIRST_STEP_ENTRIES = 16;
const STEP_GROWTH = 4;
const MAX_STEP_ENTRIES = 1024;

const BYTES = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const;

/** Behind every key of the store, which all start with a letter. */
const NO_KEY = Buffer.from([0xff]);

/** Where `level` is classic-level. */
interface Compactable {
  compactRange(start: Buffer, end: Buffer, options: { keyEncoding: 'buffer' }): Promise<void>;
}

interface Steps<T> {
  nextv(entries: number): Promise<T[]>;
  close(): Promise<void>;
}

/** A {@link Table} in LevelDB. Reads may run at any time beside one another and beside a batch. */
export class LevelTable implements Table {
  private constructor(
    private readonly db: Level<Buffer, Buffer>,
    private readonly path: string,
  ) {}

  /**
   * MURKY_DATA_DIR_LOCKED if it is open elsewhere, in this process too; MURKY_DATA_DIR_UNUSABLE, MURKY_DISK_FULL.
   * 'existing': one that has lost its files is damaged, and not a new one.
   */
  static async open(path: string, mode: 'new' | 'existing'): Promise<LevelTable> {
    const db = new Level<Buffer, Buffer>(path, { ...BYTES, ...SETTINGS, createIfMissing: mode === 'new' });
    try {
      await db.open();
      // LevelDB does not sync the folder once CURRENT has its name, and file systems may forget a rename until then.
      await nodeFiles.syncDirectory(path);
    } catch (error) {
      await db.close().catch(() => {});
      throw diskError(error, path);
    }
    return new LevelTable(db, path);
  }

  /** LevelDB's own repair: all that it can read of the files becomes one table again. */
  static async salvage(path: string): Promise<void> {
    try {
      await (Level as unknown as { repair(path: string): Promise<void> }).repair(path); // where `level` is classic-level
    } catch (error) {
      throw diskError(error, path);
    }
  }

  async get(key: Uint8Array): Promise<Buffer | undefined> {
    try {
      return await this.db.get<Uint8Array, Buffer>(key, BYTES);
    } catch (error) {
      throw diskError(error, this.path);
    }
  }

  async entries(range: TableRange): Promise<[Buffer, Buffer][]> {
    return await this.#all(this.db.iterator<Uint8Array, Buffer>(this.#rangeOptions(range)) as never);
  }

  async keys(range: TableRange): Promise<Buffer[]> {
    return await this.#all(this.db.keys<Uint8Array>(this.#rangeOptions(range)) as never);
  }

  async batch(changes: readonly TableChange[], sync: boolean): Promise<void> {
    try {
      await this.db.batch<Uint8Array, Uint8Array>([...changes], { ...BYTES, sync });
    } catch (error) {
      throw diskError(error, this.path);
    }
  }

  /**
   * Has what is in memory written as a table, which LevelDB syncs, as it does the MANIFEST that names it. Compacting a
   * range that holds nothing does that and no more. If it fails LevelDB refuses every later batch.
   */
  async flush(): Promise<void> {
    try {
      await (this.db as unknown as Compactable).compactRange(NO_KEY, NO_KEY, BYTES);
    } catch (error) {
      throw diskError(error, this.path);
    }
  }

  async close(): Promise<void> {
    try {
      await this.db.close();
    } catch (error) {
      throw diskError(error, this.path);
    }
  }

  #rangeOptions(range: TableRange) {
    return { ...range, ...BYTES, highWaterMarkBytes: ITERATOR_BYTES };
  }

  async #all<T>(iterator: Steps<T>): Promise<T[]> {
    try {
      return await inSteps(iterator);
    } catch (error) {
      throw diskError(error, this.path);
    }
  }
}

async function inSteps<T>(iterator: Steps<T>): Promise<T[]> {
  const all: T[] = [];
  try {
    for (let entries = FIRST_STEP_ENTRIES; ; entries = Math.min(entries * STEP_GROWTH, MAX_STEP_ENTRIES)) {
      const some = await iterator.nextv(entries);
      if (some.length === 0) return all;
      for (const one of some) all.push(one);
    }
  } finally {
    await iterator.close();
  }
}
