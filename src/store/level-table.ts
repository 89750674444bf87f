import { Level } from 'level';
import { diskError } from './disk-error.js';
import type { Table, TableChange, TableKind, TableRange } from './table.js';

const MIB = 2 ** 20;

/**
 * LevelDB's settings for each table.
 *
 * index: small records. LevelDB's defaults, with a cache that holds the records of a busy working set.
 *
 * blocks: values of 1 MiB. No compression: values are mostly compressed already, and Snappy would cost more CPU than
 * it saves disk. A write buffer of 32 values, because each rotation of the log stalls writers behind the flush of the
 * last one; two buffers (64 MiB) are the most that it holds. Files as large as the buffer: keys ascend, so each flush
 * is one file that overlaps no other and is moved down the levels by name instead of being copied. A cache of one
 * value's size, because tables are mapped into memory and the kernel caches them already. Bloom filters, always on,
 * answer for blocks that are not here.
 */
const SETTINGS = {
  index: { compression: true, writeBufferSize: 4 * MIB, maxFileSize: 4 * MIB, cacheSize: 16 * MIB },
  blocks: { compression: false, writeBufferSize: 32 * MIB, maxFileSize: 32 * MIB, cacheSize: MIB },
} as const;

/** Most bytes that one step of an iterator takes into memory beside its last entry. */
const ITERATOR_BYTES = 256 * 1024;

/** What `level` has in Node only, and therefore not in its types. */
interface NativeLevel {
  approximateSize(start: Uint8Array, end: Uint8Array, options: typeof BYTES): Promise<number>;
  compactRange(start: Uint8Array, end: Uint8Array, options: typeof BYTES): Promise<void>;
}

const BYTES = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const;

/** A {@link Table} in LevelDB. Reads may run at any time beside one another and beside a batch. */
export class LevelTable implements Table {
  private constructor(
    private readonly db: Level<Buffer, Buffer>,
    private readonly path: string,
    private readonly kind: TableKind,
  ) {}

  /** MURKY_DATA_DIR_LOCKED if it is open elsewhere, in this process too; MURKY_DATA_DIR_UNUSABLE, MURKY_DISK_FULL. */
  static async open(path: string, kind: TableKind): Promise<LevelTable> {
    const db = new Level<Buffer, Buffer>(path, { ...BYTES, ...SETTINGS[kind] });
    try {
      await db.open();
    } catch (error) {
      throw diskError(error, path);
    }
    return new LevelTable(db, path, kind);
  }

  async get(key: Uint8Array): Promise<Buffer | undefined> {
    try {
      return await this.db.get<Uint8Array, Buffer>(key, { ...BYTES, fillCache: this.kind === 'index' });
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

  async approximateBytes(gte: Uint8Array, lt: Uint8Array): Promise<number> {
    try {
      return await this.#native.approximateSize(gte, lt, BYTES);
    } catch (error) {
      throw diskError(error, this.path);
    }
  }

  async compact(gte: Uint8Array, lt: Uint8Array): Promise<void> {
    try {
      await this.#native.compactRange(gte, lt, BYTES);
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

  get #native(): NativeLevel {
    return this.db as unknown as NativeLevel;
  }

  #rangeOptions(range: TableRange) {
    return { ...range, ...BYTES, highWaterMarkBytes: ITERATOR_BYTES };
  }

  async #all<T>(iterator: { all(): Promise<T[]> }): Promise<T[]> {
    try {
      return await iterator.all();
    } catch (error) {
      throw diskError(error, this.path);
    }
  }
}
