import { versionFromBytes, versionToBytes } from '../object/version.js';
import type { Clock } from '../seam/clock.js';
import type { BlockTable } from './block-table.js';
import type { Budget } from './budget.js';
import { ignoreDamage } from './damage.js';
import type { Database } from './database.js';
import { byExpiryKey, fieldBigInt, fieldBytes, kindRange, overwrittenKey } from './index-keys.js';
import type { KeyedMutex } from './keyed-mutex.js';
import { type Passage, paged } from './paging.js';
import type { ReadLeases } from './read-leases.js';
import type { TableChange } from './table.js';
import type { VersionIndex } from './version-index.js';
import { encodeRecord, type VersionRecord } from './version-record.js';

const PAGE_RECORDS = 64;

/** Overwritten versions: readable for a grace time, for as long as somebody reads them, then removed. */
export class Retention {
  constructor(
    private readonly database: Database,
    private readonly index: VersionIndex,
    private readonly locks: KeyedMutex<bigint>,
    private readonly blocks: BlockTable,
    private readonly budget: Budget,
    private readonly leases: ReadLeases,
    private readonly clock: Clock,
    readonly graceMs: number,
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

  /** Removes what was overwritten longer than the grace time ago and is not being read. */
  async expire(passage: Passage): Promise<void> {
    const dueMs = this.clock.now() - this.graceMs;
    if (dueMs < 0) return;
    const range = { gte: kindRange('byExpiry').gte, lt: byExpiryKey(Math.floor(dueMs) + 1, 0n, Buffer.alloc(0)) };
    for await (const [key] of paged(() => this.database.index, range, passage, PAGE_RECORDS)) {
      const id = fieldBigInt(key, 8);
      await passage(() => this.locks.run(id, () => this.#expireOne(id, fieldBytes(key, 16), key)));
    }
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
    await this.blocks.remove(record, this.forget(record));
    this.budget.release(record.size, 'other');
  }
}
