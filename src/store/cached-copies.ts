import { MurkyError } from '../errors.js';
import type { Clock } from '../seam/clock.js';
import { Aging } from './aging.js';
import { allEnded } from './all-ended.js';
import type { BlockTable } from './block-table.js';
import type { Budget } from './budget.js';
import type { Role } from './contract.js';
import { ignoreDamage } from './damage.js';
import type { Database } from './database.js';
import { chooseCopies, WINDOW_SHARE } from './eviction.js';
import { FrequencySketch } from './frequency-sketch.js';
import { byUseKey, currentKey, frequencyKey } from './index-keys.js';
import { byKeyChanges } from './key-directory.js';
import { KeyedMutex } from './keyed-mutex.js';
import type { ReadLeases } from './read-leases.js';
import type { Retention } from './retention.js';
import type { SegmentReclaimer } from './segment-reclaimer.js';
import type { TableChange } from './table.js';
import type { UnfinishedWrites } from './unfinished-writes.js';
import {
  inOrderOfUse,
  latestUseMs,
  type Place,
  placeIn,
  type Queue,
  queueOf,
  timeOf,
  type UseEntry,
} from './use-order.js';
import type { VersionIndex } from './version-index.js';
import { encodeRecord, type VersionRecord } from './version-record.js';

/** Recency is exact to this; a hot copy is not written down at every read. */
const TOUCH_INTERVAL_MS = 10_000;
/** While the budget has more room than this share of it, there is nothing to protect from newcomers. */
const ROOMY_SHARE = 1 / 16;
/** Most that one put evicts beyond what is missing, as a share of the budget. */
const EVICTION_SHARE = 1 / 512;
/** What is known of frequencies is written down so often, and at the end, if there is as much as this to tell. */
const SAVE_INTERVAL_MS = 600_000;
const SAVE_USES = 1000;

/**
 * Cached copies in order of last use, and their eviction. The order is kept in the index, not in memory: it survives
 * restarts and takes no room however many copies there are. How often ids were used is in a sketch of fixed size.
 */
export class CachedCopies {
  readonly #room = new KeyedMutex<'room'>();
  readonly #touching = new Set<bigint>();
  readonly #frequency = new FrequencySketch();
  readonly #aging = new Aging(this.#frequency);
  #lastUseMs = 0;
  #windowBytes = 0;
  #loaded = false;
  #unsavedUses = 0;
  #savedAtMs = 0;

  constructor(
    private readonly database: Database,
    private readonly index: VersionIndex,
    private readonly locks: KeyedMutex<bigint>,
    private readonly budget: Budget,
    private readonly blocks: BlockTable,
    private readonly reclaimer: SegmentReclaimer,
    private readonly leases: ReadLeases,
    private readonly clock: Clock,
    private readonly overwritten: Pick<Retention, 'makeRoom'>,
    private readonly unfinished: Pick<UnfinishedWrites, 'makeRoom'>,
  ) {}

  /** Recovery: what the index says of uses; none is older than what was written down before. */
  async recover(): Promise<void> {
    this.#lastUseMs = Math.max(this.#lastUseMs, await latestUseMs(this.database));
    this.#windowBytes = 0;
    for await (const entry of inOrderOfUse(this.database, 'window')) {
      this.#windowBytes += (await this.#at(entry))?.size ?? 0;
    }
    if (this.#loaded) return;
    this.#loaded = true;
    this.#savedAtMs = this.clock.monotonic();
    const saved = await this.database.index.get(frequencyKey());
    if (saved) this.#frequency.load(saved);
  }

  /** Writes down how often ids were used, for the next start; unsynced. `last`: however lately it was done. */
  async save(last: boolean): Promise<void> {
    const due = last || this.clock.monotonic() - this.#savedAtMs >= SAVE_INTERVAL_MS;
    if (this.#unsavedUses < SAVE_USES || !due || this.database.failure) return;
    this.#unsavedUses = 0;
    this.#savedAtMs = this.clock.monotonic();
    const change = { type: 'put', key: frequencyKey(), value: this.#frequency.save() } as const;
    await this.database.indexQueue.write([change], { sync: false });
  }

  /** The time of a use. Each is later than the last, also when the wall clock goes back: it is the order that counts. */
  stampMs(): number {
    this.#lastUseMs = Math.max(Math.floor(this.clock.now()), this.#lastUseMs + 1);
    return this.#lastUseMs;
  }

  /** Where a version that comes now stands. */
  placeFor(role: Role): Place {
    const { liveBytes, maxBytes } = this.budget;
    const guarded = role === 'cached' && liveBytes > maxBytes * (1 - ROOMY_SHARE);
    return placeIn(guarded ? 'window' : 'main', this.stampMs());
  }

  /** A copy has been used. Of a read in several calls only one counts. */
  used(record: VersionRecord): void {
    if (record.role !== 'cached' || record.tombstone) return;
    this.#aging.use(record, this.budget.bytes('cached'));
    this.#unsavedUses++;
  }

  /** What the index says of a current version has changed from `before` to `after`. */
  moved(before: VersionRecord | undefined, after: VersionRecord | undefined): void {
    if (before && isInWindow(before)) this.#windowBytes -= before.size;
    if (after && isInWindow(after)) this.#windowBytes += after.size;
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

  /** Notes when the copy was used. Not synced: losing it costs a little of the order. */
  async touch(id: bigint): Promise<void> {
    this.#touching.add(id);
    try {
      await this.locks.run(id, async () => {
        const record = await this.index.current(id);
        if (record?.role === 'cached' && this.#due(record)) await this.#place(record, queueOf(record.timeMs));
      });
    } finally {
      this.#touching.delete(id);
    }
  }

  /**
   * Takes `onDisk` of the budget for a block of `bytes`, removing unfinished writes, then copies (see eviction.ts) and,
   * where those are not enough, overwritten versions, and giving the room of dead records back to the disk; MURKY_STORE_FULL.
   */
  async reserve(bytes: number, onDisk: number): Promise<void> {
    const { budget, reclaimer, overwritten } = this;
    if (budget.reserve(bytes, onDisk, reclaimer.copyRoom)) return;
    await this.#room.run('room', async () => {
      let reclaimable = true;
      while (!budget.reserve(bytes, onDisk, reclaimable ? reclaimer.copyRoom : 0)) {
        const missing = budget.liveBytes + onDisk - budget.maxBytes;
        if (missing + reclaimer.deadRoom > 0 && (await this.unfinished.makeRoom())) continue;
        const cached = budget.bytes('cached');
        // What cannot be made to fit evicts no copy. Overwritten versions go where the copies are not enough.
        if (missing > cached) {
          if (await overwritten.makeRoom(missing - cached)) continue;
          throw this.#full(bytes);
        }
        // Some more go in the same batch, so that the log has its room for dead ones and the next puts pass.
        const more = Math.min(reclaimer.deadRoom, budget.maxBytes * EVICTION_SHARE);
        const wanted = Math.min(missing + reclaimer.deadRoom, Math.max(0, missing) + more, cached);
        const evicted = wanted > 0 && (await this.#evict(wanted));
        const freed =
          evicted || ((missing > 0 || !reclaimable) && (await overwritten.makeRoom(Math.max(missing, onDisk))));
        if ((missing > 0 || !reclaimable) && !freed) throw this.#full(bytes);
        if (missing > 0) continue;
        reclaimable = await reclaimer.step();
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
      this.index.forget(record);
      this.moved(record, undefined);
      return true;
    });
  }

  #due(record: VersionRecord): boolean {
    return Math.abs(this.clock.now() - timeOf(record.timeMs)) >= TOUCH_INTERVAL_MS;
  }

  /** Evicts copies of at least `bytes` together, as far as there are any that nobody reads; false if none went. */
  async #evict(bytes: number): Promise<boolean> {
    const queues = {
      window: inOrderOfUse(this.database, 'window'),
      main: inOrderOfUse(this.database, 'main'),
      windowSurplus: this.#windowBytes - WINDOW_SHARE * this.budget.bytes('cached'),
      copy: async (entry: UseEntry) => {
        const record = await this.#at(entry);
        return record && !this.leases.held(record.slot) ? record : undefined;
      },
    };
    // All are chosen before the first goes: a removal that failed while the next is looked for would have no listener.
    const { evict, promote } = await chooseCopies(bytes, queues, this.#frequency);
    const promotions = promote.map((record) => this.#promote(record));
    const removals = evict.map((record) =>
      this.#remove(record.id, ({ slot }) => slot === record.slot && !this.leases.held(slot)),
    );
    await allEnded<unknown>([...promotions, ...removals]);
    return (await allEnded(removals)).includes(true);
  }

  /** The copy that stands at a place. An entry for nothing is left behind when a power cut took a touch; it goes. */
  async #at({ id, place }: UseEntry): Promise<VersionRecord | undefined> {
    const record = await this.index.current(id).catch(ignoreDamage);
    if (record?.role === 'cached' && record.timeMs === place) return record;
    await this.database.indexQueue.write([{ type: 'del', key: byUseKey(place, id) }], { sync: false });
    return undefined;
  }

  async #promote(chosen: VersionRecord): Promise<void> {
    await this.locks.run(chosen.id, async () => {
      const record = await this.index.current(chosen.id).catch(ignoreDamage);
      if (record?.slot === chosen.slot && isInWindow(record)) await this.#place(record, 'main');
    });
  }

  /** Puts a cached copy at the end of a queue. */
  async #place(record: VersionRecord, queue: Queue): Promise<void> {
    const after = { ...record, timeMs: placeIn(queue, this.stampMs()) };
    const key = currentKey(record.id);
    await this.database.indexQueue.write(
      [...this.strike(record), { type: 'put', key, value: encodeRecord(key, after) }, ...this.enlist(after)],
      { sync: false },
    );
    this.moved(record, after);
  }

  #full(bytes: number): MurkyError {
    const { limitBytes: maxBytes } = this.budget;
    return new MurkyError('MURKY_STORE_FULL', `The store is full: ${bytes} bytes more do not fit its ${maxBytes}.`, {
      hint: 'Raise cache.max-bytes, delete objects, or add nodes.',
      facts: {
        maxBytes,
        replicaBytes: this.budget.bytes('replica'),
        cachedBytes: this.budget.bytes('cached'),
        otherBytes: this.budget.bytes('overwritten') + this.budget.bytes('other'),
      },
    });
  }
}

const isInWindow = ({ role, tombstone, timeMs }: VersionRecord): boolean =>
  role === 'cached' && !tombstone && queueOf(timeMs) === 'window';
