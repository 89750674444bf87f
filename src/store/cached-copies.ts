import { MurkyError } from '../errors.js';
import type { Clock } from '../seam/clock.js';
import { allEnded } from './all-ended.js';
import type { BlockTable } from './block-table.js';
import type { Budget } from './budget.js';
import { ignoreDamage } from './damage.js';
import type { Database } from './database.js';
import { byUseKey, currentKey, fieldBigInt, fieldNumber, kindRange } from './index-keys.js';
import { byKeyChanges } from './key-directory.js';
import { KeyedMutex } from './keyed-mutex.js';
import type { ReadLeases } from './read-leases.js';
import type { SegmentReclaimer } from './segment-reclaimer.js';
import type { TableChange } from './table.js';
import type { VersionIndex } from './version-index.js';
import { encodeRecord, type VersionRecord } from './version-record.js';

/** Recency is exact to this; a hot copy is not written down at every read. */
const TOUCH_INTERVAL_MS = 10_000;
const PAGE_RECORDS = 64;

/**
 * Cached copies in order of last use, and their eviction. The order is kept in the index, not in memory: it survives
 * restarts and takes no room however many copies there are.
 */
export class CachedCopies {
  readonly #room = new KeyedMutex<'room'>();
  readonly #touching = new Set<bigint>();
  #lastUseMs = 0;

  constructor(
    private readonly database: Database,
    private readonly index: VersionIndex,
    private readonly locks: KeyedMutex<bigint>,
    private readonly budget: Budget,
    private readonly blocks: BlockTable,
    private readonly reclaimer: SegmentReclaimer,
    private readonly leases: ReadLeases,
    private readonly clock: Clock,
  ) {}

  /** Recovery: no use is older than what was written down before. */
  async recover(): Promise<void> {
    const { gte, lt } = kindRange('byUse');
    const [last] = await this.database.index.keys({ gte, lt, reverse: true, limit: 1 });
    this.#lastUseMs = Math.max(this.#lastUseMs, last ? fieldNumber(last) : 0);
  }

  /** The time of a use. Each is later than the last, also when the wall clock goes back: it is the order that counts. */
  stampMs(): number {
    this.#lastUseMs = Math.max(Math.floor(this.clock.now()), this.#lastUseMs + 1);
    return this.#lastUseMs;
  }

  /** Goes into the batch that makes `record` current. */
  enlist(record: VersionRecord): TableChange[] {
    if (record.role !== 'cached' || record.tombstone) return [];
    return [{ type: 'put', key: byUseKey(record.timeMs, record.id), value: Buffer.alloc(0) }];
  }

  /** Goes into the batch that ends its being current, or cached. */
  strike(record: VersionRecord): TableChange[] {
    if (record.role !== 'cached' || record.tombstone) return [];
    return [{ type: 'del', key: byUseKey(record.timeMs, record.id) }];
  }

  /** Whether a use of this copy is worth writing down. */
  stale(record: VersionRecord): boolean {
    return record.role === 'cached' && !this.#touching.has(record.id) && this.#due(record);
  }

  /** Notes that the copy has been used. Not synced: losing it costs a little of the order. */
  async touch(id: bigint): Promise<void> {
    this.#touching.add(id);
    try {
      await this.locks.run(id, async () => {
        const record = await this.index.current(id);
        if (record?.role !== 'cached' || !this.#due(record)) return;
        const touched = { ...record, timeMs: this.stampMs() };
        const key = currentKey(id);
        await this.database.indexQueue.write(
          [...this.strike(record), { type: 'put', key, value: encodeRecord(key, touched) }, ...this.enlist(touched)],
          { sync: false },
        );
      });
    } finally {
      this.#touching.delete(id);
    }
  }

  /**
   * Takes `onDisk` of the budget for a block of `bytes`, evicting the copies that have been unused for longest, and
   * giving the room of dead records back to the disk; MURKY_STORE_FULL.
   */
  async reserve(bytes: number, onDisk: number): Promise<void> {
    if (this.budget.reserve(bytes, onDisk)) return;
    await this.#room.run('room', async () => {
      while (!this.budget.reserve(bytes, onDisk)) {
        const missing = this.budget.liveBytes + onDisk - this.budget.maxBytes;
        // What cannot be made to fit evicts nothing.
        if (missing > 0 && (missing > this.budget.bytes('cached') || !(await this.#evict(missing)))) {
          throw this.#full(bytes);
        }
        if (missing <= 0 && !(await this.reclaimer.step())) throw this.#full(bytes);
      }
    });
  }

  /** Removes the current version of `id`, if it is a cached copy, at once. */
  async drop(id: bigint): Promise<void> {
    await this.#remove(id, () => true);
  }

  async #remove(id: bigint, condition: (record: VersionRecord) => boolean): Promise<boolean> {
    return await this.locks.run(id, async () => {
      const record = await this.index.current(id);
      if (record?.role !== 'cached' || !condition(record)) return false;
      await this.blocks.remove(record, [
        { type: 'del', key: currentKey(id) },
        ...byKeyChanges(record, undefined),
        ...this.strike(record),
      ]);
      this.budget.count(record, -1);
      this.budget.release(record.size, 'cached');
      return true;
    });
  }

  #due(record: VersionRecord): boolean {
    return Math.abs(this.clock.now() - record.timeMs) >= TOUCH_INTERVAL_MS;
  }

  /** Evicts copies of at least `bytes` together, as far as there are any that nobody reads; false if none went. */
  async #evict(bytes: number): Promise<boolean> {
    let range: { gte: Buffer } | { gt: Buffer } = { gte: kindRange('byUse').gte };
    const { lt } = kindRange('byUse');
    let going = 0;
    // All are chosen before the first goes: a removal that failed while the next is looked for would have no listener.
    const chosen: VersionRecord[] = [];
    while (going < bytes) {
      const page = await this.database.index.keys({ ...range, lt, limit: PAGE_RECORDS });
      const last = page.at(-1);
      if (!last) break;
      range = { gt: last };
      for (const key of page) {
        if (going >= bytes) break;
        const id = fieldBigInt(key, 8);
        const record = await this.index.current(id).catch(ignoreDamage);
        if (record?.role !== 'cached' || record.timeMs !== fieldNumber(key)) {
          // Left behind when a power cut took a touch, which is not synced, or the record is damaged.
          await this.database.indexQueue.write([{ type: 'del', key }], { sync: false });
        } else if (!this.leases.held(record.slot)) {
          going += record.size;
          chosen.push(record);
        }
      }
    }
    const removals = chosen.map((record) =>
      this.#remove(record.id, ({ slot }) => slot === record.slot && !this.leases.held(slot)),
    );
    return (await allEnded(removals)).includes(true);
  }

  #full(bytes: number): MurkyError {
    const { maxBytes } = this.budget;
    return new MurkyError('MURKY_STORE_FULL', `The store is full: ${bytes} bytes more do not fit its ${maxBytes}.`, {
      hint: 'Raise cache.max-bytes, delete objects, or add nodes.',
      facts: {
        maxBytes,
        replicaBytes: this.budget.bytes('replica'),
        cachedBytes: this.budget.bytes('cached'),
        otherBytes: this.budget.bytes('other'),
      },
    });
  }
}
