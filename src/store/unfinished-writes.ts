import { encodeManifest, type Manifest, sha256 } from '../object/manifest.js';
import type { Clock } from '../seam/clock.js';
import { recordsOfSlot } from './block-index.js';
import type { BlockTable } from './block-table.js';
import type { Budget } from './budget.js';
import type { Database } from './database.js';
import { fieldNumber, kindRange, unfinishedKey } from './index-keys.js';
import { paged, straight } from './paging.js';
import type { TableChange } from './table.js';
import { decodeUnfinished, encodeUnfinished } from './unfinished-record.js';

/** Most that are kept; beyond them the one that was at work longest ago goes. */
export const MAX_UNFINISHED_WRITES = 64;
/** What nobody went on with for so long goes. */
export const UNFINISHED_KEEP_MS = 24 * 3_600_000;
const PAGE_RECORDS = 64;

/** What an unfinished write has in the log: its slot, and the lengths of its blocks by index. */
export interface KeptBlocks {
  readonly slot: number;
  readonly lengths: ReadonlyMap<number, number>;
}

interface Unfinished {
  /** Empty where the record is damaged: it is nobody's then, and goes in its turn. */
  manifestSha256: Uint8Array;
  keptMs: number;
  /** Of its blocks; they are on the budget's account 'other'. */
  bytes: number;
  /** A writer is at work on it: it stays. */
  busy: boolean;
}

/**
 * Blocks of versions that were never completed, for whoever goes on with the same one. No version record names their
 * slots, so nobody reads them as an object. They count in the budget, and are the first to leave.
 */
export class UnfinishedWrites {
  /** By slot, the one that was at work longest ago first. */
  #writes = new Map<number, Unfinished>();

  constructor(
    private readonly database: Database,
    private readonly blocks: BlockTable,
    private readonly budget: Budget,
    private readonly clock: Clock,
  ) {}

  /** Recovery, before `found` tells of their blocks. `busy`: slots of writers at work, whose bytes are counted there. */
  async load(busy: ReadonlySet<number>): Promise<void> {
    const before = this.#writes;
    const writes: [number, Unfinished][] = [];
    for await (const [key, value] of paged(
      () => this.database.index,
      kindRange('unfinished'),
      straight,
      PAGE_RECORDS,
    )) {
      const slot = fieldNumber(key);
      const { manifestSha256 = new Uint8Array(), keptMs = 0 } = decodeUnfinished(key, value) ?? {};
      const bytes = busy.has(slot) ? (before.get(slot)?.bytes ?? 0) : 0;
      writes.push([slot, { manifestSha256, keptMs, bytes, busy: busy.has(slot) }]);
    }
    this.#writes = new Map(writes.sort(([, a], [, b]) => a.keptMs - b.keptMs));
  }

  /** Recovery: a block that the index names. */
  found(slot: number, length: number): void {
    const write = this.#writes.get(slot);
    if (!write || write.busy) return;
    write.bytes += length;
    this.budget.found(length, 'other');
  }

  /** What a write of this very manifest has left; it is the caller's until `release`, `committed` or `remove`. */
  async take(manifest: Manifest): Promise<KeptBlocks | undefined> {
    if (this.#writes.size === 0) return undefined;
    const hash = sha256(encodeManifest(manifest));
    for (const [slot, write] of this.#writes) {
      if (write.busy || this.#expired(write) || !hash.equals(write.manifestSha256)) continue;
      write.busy = true;
      try {
        const lengths = new Map<number, number>();
        for await (const { name, location } of recordsOfSlot(this.database.index, slot)) {
          lengths.set(name.index, location.length);
        }
        this.blocks.resume(slot);
        return { slot, lengths };
      } catch (error) {
        write.busy = false;
        throw error;
      }
    }
    return undefined;
  }

  /** Makes what a writer has in the log so far outlast it; the blocks that are kept by it, durable when it resolves. */
  async keep(slot: number, manifest: Manifest): Promise<ReadonlyMap<number, number>> {
    const manifestSha256 = sha256(encodeManifest(manifest));
    const keptMs = Math.floor(this.clock.now());
    const key = unfinishedKey(slot);
    const { id, version } = manifest;
    const value = encodeUnfinished(key, { id, version, keptMs, manifestSha256 });
    const lengths = await this.blocks.keep(slot, [{ type: 'put', key, value }]);
    if (lengths.size === 0) return lengths;
    let bytes = this.#writes.get(slot)?.bytes ?? 0;
    for (const length of lengths.values()) bytes += length;
    this.#writes.delete(slot);
    this.#writes.set(slot, { manifestSha256, keptMs, bytes, busy: true });
    if (this.#writes.size > MAX_UNFINISHED_WRITES) await this.makeRoom();
    return lengths;
  }

  /** A kept block turned out to be damaged, and counts no longer; its record goes with the next one of that block. */
  lost(slot: number, length: number): void {
    const write = this.#writes.get(slot);
    if (write) write.bytes -= length;
  }

  /** Goes into the batch that makes the version of a slot visible. */
  strike(slot: number): TableChange[] {
    return this.#writes.has(slot) ? [{ type: 'del', key: unfinishedKey(slot) }] : [];
  }

  /** The version of the slot is visible. */
  committed(slot: number): void {
    this.#writes.delete(slot);
  }

  /** Nobody is at work on it any more. */
  release(slot: number): void {
    const write = this.#writes.get(slot);
    if (write) write.busy = false;
  }

  async remove(slot: number): Promise<void> {
    const write = this.#writes.get(slot);
    if (!write) return;
    this.#writes.delete(slot);
    await this.blocks.removeKept(slot, [{ type: 'del', key: unfinishedKey(slot) }]);
    this.budget.release(write.bytes, 'other');
  }

  /** Removes the one that was at work longest ago; false if there is none that may go. */
  async makeRoom(): Promise<boolean> {
    for (const [slot, { busy }] of this.#writes) {
      if (busy) continue;
      await this.remove(slot);
      return true;
    }
    return false;
  }

  /** Removes what has been kept for long enough. */
  async expire(): Promise<void> {
    for (const [slot, write] of [...this.#writes]) if (!write.busy && this.#expired(write)) await this.remove(slot);
  }

  /** Also where the wall clock has been set back, by more than what is kept could be old. */
  #expired({ keptMs }: Unfinished): boolean {
    return Math.abs(this.clock.now() - keptMs) >= UNFINISHED_KEEP_MS;
  }
}
