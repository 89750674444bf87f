import { LRUCache } from 'lru-cache';
import { versionFromBytes, versionToBytes } from '../object/version.js';
import type { Clock } from '../seam/clock.js';
import { allEnded } from './all-ended.js';
import type { BlockTable } from './block-table.js';
import type { Budget } from './budget.js';
import { ignoreDamage } from './damage.js';
import type { Database } from './database.js';
import { byExpiryKey, fieldBigInt, fieldBytes, kindRange, overwrittenKey } from './index-keys.js';
import type { KeyedMutex } from './keyed-mutex.js';
import { type Passage, paged, straight } from './paging.js';
import type { ReadLeases } from './read-leases.js';
import type { TableChange } from './table.js';
import type { VersionIndex } from './version-index.js';
import { encodeRecord, type VersionRecord } from './version-record.js';

const PAGE_RECORDS = 64;

/** Most overwritten versions of one object; beyond them the oldest go before their time. */
export const MAX_KEPT_VERSIONS = 100;
/** They are counted anew for an object that was not overwritten lately, and removed so many at a time. */
const MAX_COUNTED_OBJECTS = 4096;
const TRIM_STEP = 16;
const VERSION_BYTES = 16;

/**
 * Overwritten versions: readable for a grace time and for as long as somebody reads them; then kept for the retention
 * time, unless their room is needed. Then they go, the one that was overwritten first at first.
 */
export class Retention {
  readonly #counts = new LRUCache<bigint, number>({ maxSize: MAX_COUNTED_OBJECTS, sizeCalculation: () => 1 });

  constructor(
    private readonly database: Database,
    private readonly index: VersionIndex,
    private readonly locks: KeyedMutex<bigint>,
    private readonly blocks: BlockTable,
    private readonly budget: Budget,
    private readonly leases: ReadLeases,
    private readonly clock: Clock,
    readonly graceMs: number,
    private readonly retentionMs: number,
  ) {}

  /** Goes into the batch that puts a newer version in the place of `record`. */
  keep(record: VersionRecord, overwrittenAtMs: number): TableChange[] {
    const version = versionToBytes(record.version);
    const key = overwrittenKey(record.id, version);
    return [
      { type: 'put', key, value: encodeRecord(key, { ...record, timeMs: overwrittenAtMs }) },
      { type: 'put', key: byExpiryKey(overwrittenAtMs, record.id, version), value: Buffer.alloc(0) },
    ];
  }

  /** Goes into the batch that removes an overwritten version with its blocks. */
  forget(record: VersionRecord): TableChange[] {
    const version = versionToBytes(record.version);
    return [
      { type: 'del', key: overwrittenKey(record.id, version) },
      { type: 'del', key: byExpiryKey(record.timeMs, record.id, version) },
    ];
  }

  /** Starts the grace time anew; for a time that lies in the future, because the wall clock was set back. */
  restart(record: VersionRecord, nowMs: number): TableChange[] {
    const key = byExpiryKey(record.timeMs, record.id, versionToBytes(record.version));
    return [{ type: 'del', key }, ...this.keep(record, nowMs)];
  }

  /** Removes what was overwritten longer than the retention time ago and is not being read. */
  async expire(passage: Passage): Promise<void> {
    const dueMs = this.clock.now() - Math.max(this.retentionMs, this.graceMs);
    if (dueMs < 0) return;
    // A page at a time, so that they share a sync: one after the other they would come more slowly than new ones do.
    let page: Promise<void>[] = [];
    for await (const [key] of paged(() => this.database.index, overwrittenBy(dueMs), passage, PAGE_RECORDS)) {
      const id = fieldBigInt(key, 8);
      page.push(passage(() => this.locks.run(id, () => this.#expireOne(id, fieldBytes(key, 16), key))));
      if (page.length < PAGE_RECORDS) continue;
      await allEnded(page);
      page = [];
    }
    await allEnded(page);
  }

  /** Removes versions of at least `bytes` that are older than the grace time and not being read; false if none went. */
  async makeRoom(bytes: number): Promise<boolean> {
    const before = this.budget.bytes('overwritten');
    const dueMs = this.clock.now() - this.graceMs;
    if (dueMs < 0) return false;
    for await (const [key] of paged(() => this.database.index, overwrittenBy(dueMs), straight, PAGE_RECORDS)) {
      const id = fieldBigInt(key, 8);
      await this.locks.run(id, () => this.#expireOne(id, fieldBytes(key, 16), key));
      if (before - this.budget.bytes('overwritten') >= bytes) break;
    }
    return this.budget.bytes('overwritten') < before;
  }

  /** To be called with the lock of an object that has one overwritten version more. */
  async trim(id: bigint): Promise<void> {
    const count = (this.#counts.get(id) ?? (await this.#keys(id)).length - 1) + 1;
    this.#counts.set(id, count);
    if (count < MAX_KEPT_VERSIONS + TRIM_STEP) return;
    const keys = await this.#keys(id);
    for (const key of keys.slice(0, keys.length - MAX_KEPT_VERSIONS)) {
      const record = await this.index.overwritten(id, versionFromBytes(fieldBytes(key, 8))).catch(ignoreDamage);
      if (!record || this.clock.now() - record.timeMs < this.graceMs || this.leases.held(record.slot)) continue;
      await this.#remove(record);
    }
    // Those that stay, in their grace time or read, are looked at again after as many more.
    this.#counts.set(id, MAX_KEPT_VERSIONS);
  }

  /** Keys of the overwritten versions of an object, the oldest version first. */
  #keys(id: bigint): Promise<Buffer[]> {
    const none = overwrittenKey(id, Buffer.alloc(VERSION_BYTES));
    const all = overwrittenKey(id, Buffer.alloc(VERSION_BYTES + 1, 0xff));
    return this.database.index.keys({ gte: none, lt: all, limit: 2 * MAX_KEPT_VERSIONS });
  }

  async #remove(record: VersionRecord): Promise<void> {
    await this.blocks.remove(record, this.forget(record));
    this.budget.release(record.size, 'overwritten');
    this.index.forget(record);
  }

  async #expireOne(id: bigint, version: Buffer, expiryKey: Buffer): Promise<void> {
    const key = overwrittenKey(id, version);
    const record = await this.index.overwritten(id, versionFromBytes(version)).catch(ignoreDamage);
    if (!record || !byExpiryKey(record.timeMs, id, version).equals(expiryKey)) {
      const changes: TableChange[] = [{ type: 'del', key: expiryKey }];
      if (!record) changes.push({ type: 'del', key });
      await this.database.indexQueue.write(changes, { sync: false });
      return;
    }
    if (this.leases.held(record.slot)) return;
    await this.#remove(record);
    this.#counts.delete(id);
  }
}

/** What was overwritten at this time or before. */
function overwrittenBy(timeMs: number): { gte: Buffer; lt: Buffer } {
  return { gte: kindRange('byExpiry').gte, lt: byExpiryKey(Math.floor(timeMs) + 1, 0n, Buffer.alloc(0)) };
}
