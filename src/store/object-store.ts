import { MurkyError } from '../errors.js';
import type { Manifest } from '../object/manifest.js';
import type { Version } from '../object/version.js';
import { type Clock, systemClock } from '../seam/clock.js';
import { type Sha256, sha256Here } from '../seam/digest.js';
import type { FilePlace } from '../seam/file-place.js';
import { type Log, silentLog } from '../seam/log.js';
import { type LogUse, segmentBytesFor } from './block-log.js';
import { BlockTable } from './block-table.js';
import { Budget } from './budget.js';
import { CachedCopies } from './cached-copies.js';
import type {
  BlockState,
  BlockWriter,
  FactStore,
  ResumableWriter,
  Role,
  Store,
  StoredVersion,
  StoreStats,
} from './contract.js';
import { Database } from './database.js';
import { levelDisk } from './disk.js';
import { isDamagedTable } from './disk-error.js';
import { Facts } from './facts.js';
import { Gate } from './gate.js';
import { KeyedMutex } from './keyed-mutex.js';
import type { ObjectStoreOptions } from './object-store-options.js';
import type { Passage } from './paging.js';
import { ReadLeases } from './read-leases.js';
import { recover } from './recovery.js';
import { ResumableSlotWriter } from './resumable-slot-writer.js';
import { Retention } from './retention.js';
import { DEFAULT_TIME_FRACTION, SegmentReclaimer } from './segment-reclaimer.js';
import { SetAside } from './set-aside.js';
import { SlotWriter, type WriterParts } from './slot-writer.js';
import { Slots } from './slots.js';
import { type KeptBlocks, UnfinishedWrites } from './unfinished-writes.js';
import { VerifiedBlocks } from './verified-blocks.js';
import { VersionIndex } from './version-index.js';
import { VersionReads } from './version-reads.js';
import { VersionWrites } from './version-writes.js';

export type { ObjectStoreOptions };
export const DEFAULT_GRACE_MS = 60_000;
/** Readers of a cached copy take its blocks one after the other; one that pauses for longer may lose the rest. */
const CACHED_LEASE_MS = 10_000;
const MAX_UPKEEP_PERIOD_MS = 5000;

/** The {@link Store} of a node, in LevelDB and a block log. docs/disk-format.md describes what it writes. */
export class ObjectStore implements Store {
  readonly facts: FactStore;
  readonly #gate = new Gate();
  readonly #locks = new KeyedMutex<bigint>();
  readonly #slots = new Slots();
  readonly #writers = new Set<SlotWriter>();
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #budget: Budget;
  readonly #index: VersionIndex;
  readonly #blocks: BlockTable;
  readonly #reclaimer: SegmentReclaimer;
  readonly #cached: CachedCopies;
  readonly #retention: Retention;
  readonly #unfinished: UnfinishedWrites;
  readonly #sha256: Sha256;
  readonly #verified: VerifiedBlocks;
  readonly #reads: VersionReads;
  readonly #versions: VersionWrites;
  readonly #parts: WriterParts;
  private readonly setAside: SetAside | undefined;
  #recovered = false;
  #closing: Promise<void> | undefined;
  readonly #cancelChores = new Map<() => Promise<void>, () => void>();

  private constructor(
    private readonly database: Database,
    budget: Budget,
    options: ObjectStoreOptions,
  ) {
    const clock = options.clock ?? systemClock;
    const graceMs = options.graceMs ?? DEFAULT_GRACE_MS;
    this.#clock = clock;
    this.#log = options.log ?? silentLog;
    this.#budget = budget;
    this.#index = new VersionIndex(database);
    this.#blocks = new BlockTable(database, database.blockLog, budget);
    this.#unfinished = new UnfinishedWrites(database, this.#blocks, budget, clock);
    const fraction = options.reclaimTimeFraction ?? DEFAULT_TIME_FRACTION;
    this.#reclaimer = new SegmentReclaimer(database, this.#blocks, budget, clock, fraction);
    const cachedLeases = new ReadLeases(clock, CACHED_LEASE_MS);
    const overwrittenLeases = new ReadLeases(clock, graceMs);
    this.#retention = new Retention(
      database,
      this.#index,
      this.#locks,
      this.#blocks,
      budget,
      overwrittenLeases,
      clock,
      graceMs,
      options.retentionMs ?? graceMs,
    );
    this.#cached = new CachedCopies(
      database,
      this.#index,
      this.#locks,
      this.#budget,
      this.#blocks,
      this.#reclaimer,
      cachedLeases,
      clock,
      this.#retention,
      this.#unfinished,
    );
    this.#sha256 = options.sha256 ?? sha256Here;
    this.#verified = new VerifiedBlocks(this.#index, this.#locks, this.#blocks, budget, this.#cached, this.#sha256);
    this.#versions = new VersionWrites({
      database,
      clock,
      index: this.#index,
      locks: this.#locks,
      budget: this.#budget,
      cached: this.#cached,
      retention: this.#retention,
      unfinished: this.#unfinished,
      blocks: this.#blocks,
    });
    this.#reads = new VersionReads({
      database,
      index: this.#index,
      verified: this.#verified,
      cached: this.#cached,
      cachedLeases,
      overwrittenLeases,
      read: this.#read,
      inBackground: (work) => this.#inBackground(work),
      log: this.#log,
    });
    this.#parts = this.#writerPartsOf();
    this.facts = new Facts(database, this.#read, this.#write);
    if (options.wholeFolder) {
      const { folder, disk = levelDisk } = options;
      const inlineBytes = () => budget.diskBytes - this.logUse().bytes;
      const comingBytes = () => database.comingBytes;
      this.setAside = new SetAside(disk, folder, budget, inlineBytes, comingBytes, this.#log);
    }
  }

  /**
   * MURKY_DATA_DIR_LOCKED, MURKY_DATA_DIR_UNUSABLE or MURKY_DISK_FULL if the folder cannot be used. An index that is
   * lost or damaged is made anew, and the log tells of it.
   */
  static async open(options: ObjectStoreOptions): Promise<ObjectStore> {
    try {
      return await ObjectStore.#open(options, false);
    } catch (error) {
      // What LevelDB finds wrong while recovery reads.
      if (!isDamagedTable(error)) throw error;
      return await ObjectStore.#open(options, true);
    }
  }

  static async #open(options: ObjectStoreOptions, rebuild: boolean): Promise<ObjectStore> {
    const { folder, clock = systemClock, log = silentLog, disk = levelDisk } = options;
    const budget = new Budget(options.maxBytes);
    const segmentBytes = options.segmentBytes ?? segmentBytesFor(options.maxBytes);
    let store: ObjectStore | undefined;
    const onDead = () => store?.reclaim();
    const onIndexed = (bytes: number) => store?.setAside?.note(bytes);
    const { journalBytes, crc32 } = options;
    const at = { folder, disk, budget, segmentBytes, journalBytes, clock, log, crc32, onDead, onIndexed, rebuild };
    const database = await Database.open(at);
    store = new ObjectStore(database, budget, options);
    try {
      await store.#recover();
    } catch (error) {
      await database.close().catch(() => {});
      throw error;
    }
    // Beside one another: removing what expired may take longer than the journal's logs may go on growing.
    store.#repeat(() => database.tidyJournal(store.#read));
    store.#repeat(() => store.#upkeep());
    return store;
  }

  current(id: bigint): Promise<Manifest | undefined> {
    return this.#reads.current(id);
  }

  role(id: bigint): Promise<Role | undefined> {
    return this.#reads.role(id);
  }

  manifest(id: bigint, version: Version): Promise<Manifest | undefined> {
    return this.#reads.manifest(id, version);
  }

  block(id: bigint, version: Version, index: number): Promise<Uint8Array | undefined> {
    return this.#reads.block(id, version, index);
  }

  readInPlace(
    id: bigint,
    version: Version,
    index: number,
    readFrom: (place: FilePlace) => Promise<boolean>,
  ): Promise<boolean> {
    return this.#reads.readInPlace(id, version, index, readFrom);
  }

  check(id: bigint, version: Version, index: number): Promise<BlockState> {
    return this.#reads.check(id, version, index);
  }

  async mend(id: bigint, version: Version, index: number, bytes: Uint8Array): Promise<boolean> {
    return await this.#write(() => this.#verified.mend(id, version, index, bytes));
  }

  history(id: bigint): Promise<Manifest[]> {
    return this.#reads.history(id);
  }

  begin(): BlockWriter {
    this.#checkOpen();
    return this.#startWriter();
  }

  async resume(manifest: Manifest): Promise<ResumableWriter> {
    const { kept, writer } = await this.#read(async () => {
      const kept = await this.#unfinished.take(manifest);
      return { kept, writer: this.#startWriter(kept) };
    });
    const unfinished = this.#unfinished;
    return new ResumableSlotWriter(writer, manifest, kept, unfinished, this.#parts, this.#clock, this.#sha256);
  }

  #startWriter(kept?: KeptBlocks): SlotWriter {
    const writer = new SlotWriter(this.#parts, kept);
    this.#writers.add(writer);
    return writer;
  }

  #writerPartsOf(): WriterParts {
    return {
      blocks: this.#blocks,
      budget: this.#budget,
      cached: this.#cached,
      slots: this.#slots,
      read: this.#read,
      write: this.#write,
      tidy: async (work) => {
        if (!this.#closing) return await this.#gate.shared(work);
        await this.#closing;
        return undefined as never;
      },
      place: (manifest, role, slot) => this.#versions.place(manifest, role, slot),
      failed: () => this.database.failure !== undefined,
      ended: (ended) => this.#writers.delete(ended),
    };
  }

  list(options: { prefix?: string; after?: string; limit?: number } = {}): AsyncGenerator<Manifest> {
    return this.#reads.list(options);
  }

  all(options: { after?: bigint | undefined } = {}): AsyncGenerator<{ manifest: Manifest; role: Role }> {
    return this.#reads.all(options);
  }

  versions(options: { after?: bigint | undefined } = {}): AsyncGenerator<StoredVersion> {
    return this.#reads.versions(options);
  }

  async setRole(id: bigint, version: Version, role: Role): Promise<void> {
    await this.#write(() => this.#versions.setRole(id, version, role));
  }

  async dropCached(id: bigint): Promise<void> {
    await this.#write(() => this.#cached.drop(id));
  }

  stats(): StoreStats {
    const budget = this.#budget;
    return {
      objects: budget.objects,
      tombstones: budget.tombstones,
      replicaBytes: budget.bytes('replica'),
      cachedBytes: budget.bytes('cached'),
      otherBytes: budget.bytes('overwritten') + budget.bytes('other'),
      maxBytes: budget.limitBytes,
    };
  }

  /** Of the block log. */
  logUse(): LogUse {
    return this.database.blockLog.use;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  readonly #read: Passage = async (work) => {
    this.#checkOpen();
    return await this.#gate.shared(() => {
      this.#checkOpen();
      return work();
    });
  };

  readonly #write: Passage = async (work) => {
    this.#checkOpen();
    if (this.database.failure || !this.#recovered) await this.#mend();
    return await this.#read(work);
  };

  /** After a failed write nothing is written before the database has been opened anew and put in order. */
  async #mend(): Promise<void> {
    await this.#gate.alone(async () => {
      if (this.#closing || (!this.database.failure && this.#recovered)) return;
      this.#recovered = false;
      await this.database.reopen();
      await this.#recover();
    });
  }

  async #recover(): Promise<void> {
    await recover(
      {
        database: this.database,
        index: this.#index,
        blocks: this.#blocks,
        budget: this.#budget,
        slots: this.#slots,
        retention: this.#retention,
        unfinished: this.#unfinished,
        clock: this.#clock,
        log: this.#log,
      },
      () => [...this.#writers],
    );
    await this.#reclaimer.recover();
    await this.#cached.recover();
    await this.setAside?.measure();
    this.#recovered = true;
  }

  /** Has a chore done again and again, each time a while after it was last done. */
  #repeat(chore: () => Promise<void>): void {
    const periodMs = Math.max(1, Math.min(this.#retention.graceMs / 4, MAX_UPKEEP_PERIOD_MS));
    const run = async () => {
      if (!this.#closing) await chore();
    };
    const cancel = this.#clock.after(periodMs, () => {
      this.#inBackground(run().finally(() => this.#closing ?? this.#repeat(chore)));
    });
    this.#cancelChores.set(chore, cancel);
  }

  async #upkeep(): Promise<void> {
    await this.setAside?.measure();
    await this.#retention.expire(this.#write);
    await this.#write(() => this.#unfinished.expire());
    await this.#read(() => this.#cached.save(false));
    await this.#reclaimer.run(this.#read);
  }

  private reclaim(): void {
    if (this.#recovered && !this.#closing) this.#inBackground(this.#reclaimer.run(this.#read));
  }

  #inBackground(work: Promise<unknown>): void {
    work.catch((error) => {
      if (!this.#closing)
        this.#log.warn({ error: String(error) }, 'Upkeep of the store failed; it will be tried again.');
    });
  }

  async #close(): Promise<void> {
    for (const cancel of this.#cancelChores.values()) cancel();
    await this.#gate.alone(async () => {
      for (const writer of [...this.#writers]) writer.discard();
      if (this.#recovered) await this.#cached.save(true).catch(() => {});
      await this.database.close();
    });
  }

  #checkOpen(): void {
    if (this.#closing) throw new MurkyError('MURKY_CLOSED', 'The store has been closed.');
  }
}
