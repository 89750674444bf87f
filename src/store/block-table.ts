import type { FilePlace } from '../seam/file-place.js';
import { allEnded } from './all-ended.js';
import type { Appended } from './appender.js';
import {
  allRecords,
  findBlock,
  inlineKeys,
  type NamedRecord,
  nameRecord,
  recordsOfSlot,
  unnameRecord,
  unplaceRecord,
} from './block-index.js';
import type { BlockLog, RecordInUse } from './block-log.js';
import { type BlockName, blockOf, decodeRecord, type Location, recordBytes, sameLocation } from './block-record.js';
import type { Budget } from './budget.js';
import type { QueuedChange } from './commit-queue.js';
import type { Database } from './database.js';
import { blockKey, manifestKey } from './index-keys.js';
import { KeyedMutex } from './keyed-mutex.js';
import type { TableChange } from './table.js';
import type { VersionRecord } from './version-record.js';

/**
 * Smaller blocks go into the index: there a header and two entries more would cost as much as merging them does, and
 * they need no sync of their own. A writer holds at most this many bytes of them before its commit.
 */
export const INLINE_BYTES = 16 * 1024;

/** Blocks of one slot that no commit has named yet. */
interface Unnamed {
  readonly inline: Map<number, Uint8Array>;
  readonly logged: Map<number, Appended>;
  inlineBytes: number;
}

/** Without a size: it has no blocks in the index. */
type Removed = Pick<VersionRecord, 'slot'> & Partial<Pick<VersionRecord, 'size'>>;

/**
 * Where the bytes of blocks are: in the block log, or in the index if they are few. A block is filed under the private
 * slot of its version, so blocks of two versions never meet. What names a block and what makes its version visible go
 * into one batch, so a block that no version has does not exist.
 */
export class BlockTable {
  readonly #unnamed = new Map<number, Unnamed>();
  /** Slots of writers at work some of whose blocks are named already, so that another record may take one's place. */
  readonly #kept = new Set<number>();
  /** Held while the places of a slot's blocks change. */
  readonly #slots = new KeyedMutex<number>();

  constructor(
    private readonly database: Database,
    private readonly log: BlockLog,
    private readonly budget: Budget,
  ) {}

  /** Whether a block of `length` bytes will be held for the index, and what it takes on the disk. */
  plan(slot: number, index: number, length: number): { inline: boolean; onDisk: number } {
    const unnamed = this.#unnamed.get(slot);
    const others = (unnamed?.inlineBytes ?? 0) - (unnamed?.inline.get(index)?.length ?? 0);
    const inline = others + length <= INLINE_BYTES;
    return { inline, onDisk: inline ? length : recordBytes(length) };
  }

  /**
   * Takes a block that no commit names yet; its bytes on the disk must have been reserved. It is written to the log when
   * this resolves, and on its way to the disk; a small one is held until the commit.
   */
  async write(name: BlockName, bytes: Uint8Array, inline: boolean): Promise<void> {
    if (inline) {
      this.#drop(name);
      const unnamed = this.#unnamedOf(name.slot);
      // Copied: the caller may use its buffer again.
      unnamed.inline.set(name.index, Uint8Array.from(bytes));
      unnamed.inlineBytes += bytes.length;
    } else {
      const appended = await this.log.append(name, bytes);
      this.#drop(name);
      this.#unnamedOf(name.slot).logged.set(name.index, appended);
    }
  }

  /** A block of a writer at work; undefined if it is not there or damaged. */
  async readUnnamed(name: BlockName): Promise<Uint8Array | undefined> {
    const held = this.#unnamed.get(name.slot)?.inline.get(name.index);
    if (held) return Uint8Array.from(held);
    const find = () => Promise.resolve(this.#unnamed.get(name.slot)?.logged.get(name.index)?.location);
    return await this.#readAt(name, find, decodeRecord);
  }

  /** A block of `length` bytes, of which only the header has been checked; undefined if that is missing or damaged. */
  async read(name: BlockName, length: number): Promise<Uint8Array | undefined> {
    if (length <= INLINE_BYTES) {
      const bytes = await this.database.index.get(blockKey('inlineBlock', name.slot, name.index));
      if (bytes) return bytes;
    }
    return await this.#readAt(name, () => findBlock(this.database.index, name), blockOf);
  }

  /** Runs `work` on where a block lies in the log, unread; undefined, and nothing is run, if it does not, or may not. */
  async lend<T>(
    name: BlockName,
    length: number,
    work: (place: Omit<FilePlace, 'sha256'>) => Promise<T>,
  ): Promise<T | undefined> {
    if (length <= INLINE_BYTES) return undefined;
    return await this.log.reading(async () => {
      const location = await findBlock(this.database.index, name);
      return location?.length === length ? await this.log.lend(location, work) : undefined;
    });
  }

  /** Writes `changes` and names the slot's blocks, in one synced batch; `leftover` goes in the same one. */
  async commit(slot: number, changes: readonly TableChange[], leftover?: Removed): Promise<void> {
    if (leftover) {
      await this.#removal(leftover, (removal) => this.commit(slot, [...changes, ...removal]));
      return;
    }
    await this.#slots.run(slot, async () => {
      const unnamed = this.#unnamed.get(slot);
      const all: QueuedChange[] = [...changes];
      for (const [index, value] of unnamed?.inline ?? []) {
        all.push({ type: 'put', key: blockKey('inlineBlock', slot, index), value });
      }
      const named = await this.#naming(slot, unnamed);
      await this.database.indexQueue.write([...all, ...named.changes], { sync: true });
      named.done();
      this.#unnamed.delete(slot);
      this.#kept.delete(slot);
    });
  }

  /**
   * Names the blocks that a slot has in the log, with `changes`, in one synced batch: they outlast the writer. Small ones
   * do not. The lengths of those that were named, by index; with none of them nothing is written.
   */
  async keep(slot: number, changes: readonly TableChange[]): Promise<ReadonlyMap<number, number>> {
    return await this.#slots.run(slot, async () => {
      const unnamed = this.#unnamed.get(slot);
      const lengths = new Map<number, number>();
      for (const [index, { location }] of unnamed?.logged ?? []) lengths.set(index, location.length);
      if (lengths.size === 0) return lengths;
      const named = await this.#naming(slot, unnamed);
      await this.database.indexQueue.write([...changes, ...named.changes], { sync: true });
      named.done();
      this.#kept.add(slot);
      for (const index of lengths.keys()) unnamed?.logged.delete(index);
      return lengths;
    });
  }

  /** A writer goes on with what `keep` has named of a slot. */
  resume(slot: number): void {
    this.#kept.add(slot);
  }

  /** Writes `changes` and removes what `keep` has named of a slot, in one synced batch. */
  async removeKept(slot: number, changes: readonly TableChange[]): Promise<void> {
    await this.#removal({ slot }, (removal) =>
      this.database.indexQueue.write([...changes, ...removal], { sync: true }),
    );
  }

  /** Writes `changes` and removes the manifest and the blocks of a version, in one synced batch. */
  async remove(version: Removed, changes: readonly TableChange[]): Promise<void> {
    await this.#removal(version, (removal) => this.database.indexQueue.write([...changes, ...removal], { sync: true }));
  }

  /** Forgets the blocks of a slot that no commit has named. */
  discard(slot: number): void {
    this.#kept.delete(slot);
    const unnamed = this.#unnamed.get(slot);
    if (!unnamed) return;
    for (const index of [...unnamed.inline.keys(), ...unnamed.logged.keys()]) this.#drop({ slot, index });
    this.#unnamed.delete(slot);
  }

  /**
   * Writes the same records elsewhere in the log, damaged or not, where room has been taken for them; what was removed
   * meanwhile is not brought back. Those that could not be read stay where they are.
   */
  async relocate(records: readonly NamedRecord[]): Promise<void> {
    await allEnded(records.map((record) => this.#relocate(record)));
  }

  /** What `mend` needs to have been reserved: nothing if the block goes into the index, where it counts already. */
  async planMend(name: BlockName, length: number): Promise<number> {
    const inline = length <= INLINE_BYTES && !(await findBlock(this.database.index, name));
    return inline ? 0 : recordBytes(length);
  }

  /**
   * Puts sound bytes in the place of a block of a version that stays meanwhile, durable when it resolves: in the index,
   * or in a new record of the log, and the old one is dead. `onDisk` is as `planMend` says, and has been reserved.
   */
  async mend(name: BlockName, bytes: Uint8Array, onDisk: number): Promise<void> {
    if (onDisk === 0) {
      const key = blockKey('inlineBlock', name.slot, name.index);
      await this.database.indexQueue.write([{ type: 'put', key, value: bytes }], { sync: true });
      return;
    }
    const appended = await this.log.append(name, bytes);
    await this.#slots.run(name.slot, async () => {
      const old = await findBlock(this.database.index, name);
      await this.#rename(name, appended, old);
      // A block without a place in the log counted as one in the index.
      if (!old) this.budget.unreserve(bytes.length);
    });
  }

  /** Forgets the writers that have ended; whatever was named of them is in the index now. */
  keepUnnamed(slots: ReadonlySet<number>): void {
    for (const slot of this.#kept) if (!slots.has(slot)) this.#kept.delete(slot);
    for (const slot of this.#unnamed.keys()) if (!slots.has(slot)) this.#unnamed.delete(slot);
  }

  /** What a writer's slot has for the index until its commit. */
  heldBytes(slot: number): number {
    return this.#unnamed.get(slot)?.inlineBytes ?? 0;
  }

  /** Every record of the log that is in use, once. */
  async *recordsInUse(): AsyncGenerator<RecordInUse> {
    for await (const record of allRecords(this.database.index)) {
      const { slot, index } = record.name;
      const logged = this.#unnamed.get(slot)?.logged;
      const held = logged?.get(index);
      if (held && sameLocation(held.location, record.location)) {
        // To keep it failed, and turned out to be on the disk.
        logged?.delete(index);
        this.#kept.add(slot);
      }
      yield { ...record, unnamed: false };
    }
    for (const [slot, { logged }] of this.#unnamed) {
      for (const [index, { location }] of logged) yield { name: { slot, index }, location, unnamed: true };
    }
  }

  /** What names the blocks that a slot has in the log, and what is to be done once that is written. */
  async #naming(slot: number, unnamed: Unnamed | undefined): Promise<{ changes: QueuedChange[]; done: () => void }> {
    const changes: QueuedChange[] = [];
    const named: Location[] = [];
    const replaced: Location[] = [];
    for (const [index, appended] of unnamed?.logged ?? []) {
      if (appended.failure) throw appended.failure;
      const name = { slot, index };
      const before = this.#kept.has(slot) ? await findBlock(this.database.index, name) : undefined;
      if (before) {
        changes.push(unplaceRecord(before));
        replaced.push(before);
      }
      changes.push(...nameRecord({ name, location: appended.location }, appended));
      named.push(appended.location);
    }
    const done = () => {
      for (const location of named) this.log.name(location);
      for (const location of replaced) this.log.bury(location);
    };
    return { changes, done };
  }

  async #removal(version: Removed, write: (removal: TableChange[]) => Promise<void>): Promise<void> {
    await this.#slots.run(version.slot, async () => {
      const changes: TableChange[] = [{ type: 'del', key: manifestKey(version.slot) }];
      const buried: Location[] = [];
      for (const key of await inlineKeys(this.database.index, version.slot)) changes.push({ type: 'del', key });
      for await (const record of recordsOfSlot(this.database.index, version.slot)) {
        changes.push(...unnameRecord(record));
        buried.push(record.location);
      }
      await write(changes);
      const loggedBytes = buried.reduce((sum, { length }) => sum + length, 0);
      this.budget.unreserve((version.size ?? loggedBytes) - loggedBytes);
      for (const location of buried) this.log.bury(location);
    });
  }

  async #relocate({ name, location }: NamedRecord): Promise<void> {
    const record = await this.log.read(location);
    if (record?.length !== recordBytes(location.length)) {
      this.budget.unreserve(recordBytes(location.length));
      return;
    }
    const copy = await this.log.appendCopy(name, record);
    await this.#slots.run(name.slot, async () => {
      const logged = this.#unnamed.get(name.slot)?.logged;
      const held = logged?.get(name.index);
      if (held && sameLocation(held.location, location)) {
        logged?.set(name.index, copy);
        this.log.bury(location);
        return;
      }
      // Also where a writer at work has written a block again that the index names: both places are in use.
      const named = await findBlock(this.database.index, name);
      if (named && sameLocation(named, location)) await this.#rename(name, copy, location);
      else this.log.bury(copy.location);
    });
  }

  /** The index names this record in place of the old one, if there is one, which is dead then. */
  async #rename(name: BlockName, written: Appended, old: Location | undefined): Promise<void> {
    const { location } = written;
    const changes = [...(old ? [unplaceRecord(old)] : []), ...nameRecord({ name, location }, written)];
    await this.database.indexQueue.write(changes, { sync: true });
    this.log.name(location);
    if (old) this.log.bury(old);
  }

  /** Looks again if the block was moved while it was being read. */
  async #readAt(
    name: BlockName,
    find: () => Promise<Location | undefined>,
    decode: typeof decodeRecord,
  ): Promise<Uint8Array | undefined> {
    return await this.log.reading(async () => {
      let location = await find();
      while (location) {
        const record = await this.log.read(location);
        const bytes = record && decode(record, name, location.length);
        if (bytes) return bytes;
        const now = await find();
        if (!now || sameLocation(now, location)) return undefined;
        location = now;
      }
      return undefined;
    });
  }

  #unnamedOf(slot: number): Unnamed {
    const unnamed = this.#unnamed.get(slot) ?? { inline: new Map(), logged: new Map(), inlineBytes: 0 };
    this.#unnamed.set(slot, unnamed);
    return unnamed;
  }

  #drop({ slot, index }: BlockName): void {
    const unnamed = this.#unnamed.get(slot);
    const held = unnamed?.inline.get(index);
    if (unnamed && held) {
      unnamed.inline.delete(index);
      unnamed.inlineBytes -= held.length;
      this.budget.unreserve(held.length);
    }
    const logged = unnamed?.logged.get(index);
    if (logged) {
      unnamed?.logged.delete(index);
      this.log.bury(logged.location);
    }
  }
}
