import { MurkyError } from '../errors.js';
import { resourceId } from '../object/key.js';
import { encodeManifest, type Manifest, sha256 } from '../object/manifest.js';
import { compareVersions, type Version } from '../object/version.js';
import type { Clock } from '../seam/clock.js';
import type { BlockTable } from './block-table.js';
import type { Budget } from './budget.js';
import type { CachedCopies } from './cached-copies.js';
import type { Role } from './contract.js';
import { ignoreDamage } from './damage.js';
import type { Database } from './database.js';
import { currentKey, manifestKey } from './index-keys.js';
import { byKeyChanges } from './key-directory.js';
import type { KeyedMutex } from './keyed-mutex.js';
import type { Retention } from './retention.js';
import type { Placed } from './slot-writer.js';
import type { TableChange } from './table.js';
import type { UnfinishedWrites } from './unfinished-writes.js';
import type { VersionIndex } from './version-index.js';
import { encodeRecord, type VersionRecord } from './version-record.js';

export interface VersionWriteParts {
  readonly database: Database;
  readonly index: VersionIndex;
  readonly locks: KeyedMutex<bigint>;
  readonly budget: Budget;
  readonly cached: CachedCopies;
  readonly retention: Retention;
  readonly unfinished: UnfinishedWrites;
  readonly blocks: BlockTable;
  readonly clock: Clock;
}

/** What changes the current version of an object. Changes of one id come one after the other. */
export class VersionWrites {
  constructor(private readonly parts: VersionWriteParts) {}

  async place(manifest: Manifest, role: Role, slot: number): Promise<Placed> {
    if (resourceId(manifest.key) !== manifest.id) {
      throw new MurkyError('MURKY_BAD_ARGUMENT', `The id ${manifest.id} is not that of the key "${manifest.key}".`);
    }
    return await this.parts.locks.run(manifest.id, async () => {
      // A record that is damaged does not keep the object from being written again.
      const before = await this.parts.index.current(manifest.id).catch(ignoreDamage);
      if (before && before.key !== manifest.key) throw idTaken(manifest, before);
      const newer = before ? compareVersions(manifest.version, before.version) : 1;
      if (newer < 0) return role === 'replica' ? await this.#keepOvertaken(manifest, slot) : 'superseded';
      if (before && newer === 0 && (await this.#sound(before))) {
        // An owner that had the version as a cached copy must not lose it to eviction once it has answered.
        if (role === 'replica' && before.role === 'cached') await this.#changeRole(before, role);
        return 'already';
      }
      await this.#replace(before, manifest, role, slot);
      return 'committed';
    });
  }

  async setRole(id: bigint, version: Version, role: Role): Promise<void> {
    await this.parts.locks.run(id, async () => {
      const record = await this.parts.index.current(id);
      if (!record || compareVersions(record.version, version) !== 0 || record.role === role) return;
      await this.#changeRole(record, role);
    });
  }

  /** A version whose manifest is damaged is put in place again by whoever brings it. */
  async #sound(record: VersionRecord): Promise<boolean> {
    return (await this.parts.index.manifest(record).catch(ignoreDamage)) !== undefined;
  }

  /** What a newer version overtook on its way here is filed as overwritten; once, however often it is brought. */
  async #keepOvertaken(manifest: Manifest, slot: number): Promise<Placed> {
    const { index, blocks, budget, retention, unfinished, clock } = this.parts;
    const { id, version, size } = manifest;
    if (await index.overwritten(id, version).catch(ignoreDamage)) return 'superseded';
    const encoded = encodeManifest(manifest);
    const nowMs = Math.floor(clock.now());
    const record = recordOf(manifest, encoded, 'replica', slot, nowMs);
    const filed: TableChange = { type: 'put', key: manifestKey(slot), value: encoded };
    await blocks.commit(slot, [filed, ...retention.keep(record, nowMs), ...unfinished.strike(slot)]);
    unfinished.committed(slot);
    budget.move(size, 'other', 'overwritten');
    await retention.trim(id);
    return 'kept';
  }

  async #replace(before: VersionRecord | undefined, manifest: Manifest, role: Role, slot: number): Promise<void> {
    const { index, blocks, budget, cached, retention, unfinished, clock } = this.parts;
    const encoded = encodeManifest(manifest);
    const { id, size } = manifest;
    const after = recordOf(manifest, encoded, role, slot, cached.placeFor(role));
    const changes: TableChange[] = [
      { type: 'put', key: manifestKey(slot), value: encoded },
      { type: 'put', key: currentKey(id), value: encodeRecord(currentKey(id), after) },
      ...byKeyChanges(before, after),
      ...cached.enlist(after),
      ...unfinished.strike(slot),
    ];
    let leftover: VersionRecord | undefined;
    if (before) {
      // The same version, overwritten before, dropped, fetched again and now overwritten again.
      leftover = await index.overwritten(id, before.version).catch(ignoreDamage);
      if (leftover) changes.push(...retention.forget(leftover));
      changes.push(...cached.strike(before), ...retention.keep(before, Math.floor(clock.now())));
    }
    await blocks.commit(slot, changes, leftover);
    unfinished.committed(slot);
    budget.move(size, 'other', role);
    budget.count(after, 1);
    cached.moved(before, after);
    cached.used(after);
    if (before) {
      budget.move(before.size, before.role, 'overwritten');
      budget.count(before, -1);
    }
    if (leftover) {
      budget.release(leftover.size, 'overwritten');
      index.forget(leftover);
    }
    if (before) await retention.trim(id);
  }

  async #changeRole(record: VersionRecord, role: Role): Promise<void> {
    const { database, budget, cached } = this.parts;
    const after = { ...record, role, timeMs: cached.stampMs() };
    const key = currentKey(record.id);
    await database.indexQueue.write(
      [...cached.strike(record), { type: 'put', key, value: encodeRecord(key, after) }, ...cached.enlist(after)],
      { sync: true },
    );
    budget.move(record.size, record.role, role);
    cached.moved(record, after);
  }
}

function recordOf(
  { id, key, version, tombstone, size, blockBytes }: Manifest,
  encoded: Buffer,
  role: Role,
  slot: number,
  timeMs: number,
): VersionRecord {
  return { id, key, version, tombstone, role, slot, size, blockBytes, timeMs, manifestSha256: sha256(encoded) };
}

function idTaken(manifest: Manifest, before: VersionRecord): MurkyError {
  const deleted = before.tombstone ? ', which was deleted' : '';
  return new MurkyError(
    'MURKY_ID_TAKEN',
    `The key "${manifest.key}" has the same id as the key "${before.key}"${deleted}; only one of them can be stored.`,
    { hint: 'Use another key.', facts: { id: String(manifest.id), key: manifest.key, holder: before.key } },
  );
}
