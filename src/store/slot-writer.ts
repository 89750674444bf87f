import { isMurkyError, MurkyError } from '../errors.js';
import { BLOCK_BYTES, blockCount, blockLength, MAX_OBJECT_BYTES, type Manifest } from '../object/manifest.js';
import type { BlockTable } from './block-table.js';
import type { Budget } from './budget.js';
import type { CachedCopies } from './cached-copies.js';
import type { BlockWriter, Role } from './contract.js';
import type { Passage } from './paging.js';
import type { Slots } from './slots.js';
import type { KeptBlocks } from './unfinished-writes.js';

const MAX_BLOCKS = blockCount(MAX_OBJECT_BYTES);

export type CommitAnswer = 'committed' | 'superseded' | 'already';
/** 'kept': superseded, and filed as an overwritten version. */
export type Placed = CommitAnswer | 'kept';

export interface WriterParts {
  readonly blocks: BlockTable;
  readonly budget: Budget;
  readonly cached: CachedCopies;
  readonly slots: Slots;
  readonly read: Passage;
  readonly write: Passage;
  /** Like `write`, but also while the store takes no changes. */
  readonly tidy: Passage;
  /** Puts the version, whose blocks are in `slot`, in its place. */
  readonly place: (manifest: Manifest, role: Role, slot: number) => Promise<Placed>;
  /** Whether the store takes no changes because one has failed. */
  readonly failed: () => boolean;
  readonly ended: (writer: SlotWriter) => void;
}

/** Writes the blocks of one version under a slot of their own, which nobody else knows of before the commit. */
export class SlotWriter implements BlockWriter {
  readonly slot: number;
  /** Bytes of the blocks written so far; they are on the budget's account 'other'. */
  bytes = 0;
  /** Of these, bytes of blocks that outlast this writer. */
  keptBytes = 0;
  #lengths = new Uint32Array(16);
  /** One more than the highest index that was tried. */
  #endIndex = 0;
  #state: 'open' | 'committing' | 'ended' = 'open';
  readonly #writing = new Set<Promise<void>>();
  #aborted: Promise<void> | undefined;

  /** `kept`: what an earlier writer of the same version has left. */
  constructor(
    private readonly parts: WriterParts,
    kept?: KeptBlocks,
  ) {
    this.slot = kept?.slot ?? parts.slots.take();
    for (const [index, length] of kept?.lengths ?? []) {
      this.#setLength(index, length);
      this.#endIndex = Math.max(this.#endIndex, index + 1);
      this.bytes += length;
      this.keptBytes += length;
    }
  }

  /** False from the moment at which it is committed or aborted. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  has(index: number): boolean {
    return this.#lengthAt(index) > 0;
  }

  async write(index: number, bytes: Uint8Array): Promise<void> {
    this.#checkOpen();
    if (!Number.isInteger(index) || index < 0 || index >= MAX_BLOCKS) {
      throw new MurkyError('MURKY_BAD_ARGUMENT', `There is no block ${index}; an object has at most ${MAX_BLOCKS}.`);
    }
    if (bytes.length === 0 || bytes.length > BLOCK_BYTES) {
      throw new MurkyError('MURKY_BAD_ARGUMENT', `A block has 1 to ${BLOCK_BYTES} bytes, not ${bytes.length}.`);
    }
    const writing = this.parts.write(() => this.#write(index, bytes));
    this.#writing.add(writing);
    try {
      await writing;
    } finally {
      this.#writing.delete(writing);
    }
  }

  async read(index: number): Promise<Uint8Array | undefined> {
    this.#checkOpen();
    if (!this.#lengthAt(index)) return undefined;
    return await this.parts.read(() => this.parts.blocks.readUnnamed({ slot: this.slot, index }));
  }

  async commit(manifest: Manifest, role: Role): Promise<CommitAnswer> {
    this.#checkOpen();
    this.#checkComplete(manifest);
    this.#state = 'committing';
    try {
      const answer = await this.parts.write(() => this.#place(manifest, role));
      if (answer === 'kept') return 'superseded';
      if (answer !== 'committed') await this.#rollBack();
      return answer;
    } catch (error) {
      if (isMurkyError(error, 'MURKY_ID_TAKEN')) await this.#rollBack();
      else if (this.#state === 'committing') this.#state = 'open';
      throw error;
    }
  }

  abort(): Promise<void> {
    if (this.#state !== 'open') return this.#aborted ?? Promise.resolve();
    this.#state = 'ended';
    this.#aborted = this.#abort();
    return this.#aborted;
  }

  /** A kept block that is damaged counts as not written. */
  forget(index: number): void {
    const length = this.#lengthAt(index);
    this.bytes -= length;
    this.keptBytes -= length;
    this.parts.budget.release(length, 'other');
    this.#setLength(index, 0);
  }

  /** Forgets the blocks that do not outlast it; their bytes in the log are dead. */
  discard(): void {
    this.parts.blocks.discard(this.slot);
    this.parts.budget.release(this.bytes - this.keptBytes, 'other');
    this.bytes = 0;
    this.keptBytes = 0;
    this.parts.ended(this);
  }

  /** Nothing more is to be done, and nothing forgotten. */
  end(): void {
    this.#state = 'ended';
    this.parts.ended(this);
  }

  async #place(manifest: Manifest, role: Role): Promise<Placed> {
    try {
      const answer = await this.parts.place(manifest, role, this.slot);
      if (answer === 'committed' || answer === 'kept') this.end();
      return answer;
    } catch (error) {
      // Whether the record is on the disk is for recovery to find out: the blocks stay, and count, until then.
      if (this.parts.failed()) this.end();
      throw error;
    }
  }

  async #rollBack(): Promise<void> {
    if (this.#state !== 'committing') return;
    this.#state = 'open';
    await this.abort();
  }

  async #abort(): Promise<void> {
    await Promise.allSettled(this.#writing);
    await this.parts.tidy(async () => this.discard());
  }

  async #write(index: number, bytes: Uint8Array): Promise<void> {
    const { blocks, budget, cached } = this.parts;
    const { inline, onDisk } = blocks.plan(this.slot, index, bytes.length);
    await cached.reserve(bytes.length, onDisk);
    this.#endIndex = Math.max(this.#endIndex, index + 1);
    try {
      await blocks.write({ slot: this.slot, index }, bytes, inline);
    } catch (error) {
      budget.release(bytes.length, 'other');
      throw error;
    }
    const before = this.#lengthAt(index);
    if (before > 0) budget.release(before, 'other');
    this.bytes += bytes.length - before;
    this.#setLength(index, bytes.length);
  }

  #checkComplete(manifest: Manifest): void {
    const blocks = blockCount(manifest.size, manifest.blockBytes);
    let complete = this.#writing.size === 0 && manifest.blockHashes.length === blocks && this.#endIndex <= blocks;
    for (let index = 0; complete && index < blocks; index++) {
      complete = this.#lengthAt(index) === blockLength(manifest, index);
    }
    if (!complete || (manifest.tombstone && manifest.size > 0)) {
      throw new MurkyError(
        'MURKY_BAD_ARGUMENT',
        'The blocks that were written are not the ones that the manifest names.',
      );
    }
  }

  #checkOpen(): void {
    if (this.#state !== 'open')
      throw new MurkyError('MURKY_BAD_ARGUMENT', 'This writer has been committed or aborted.');
  }

  #lengthAt(index: number): number {
    return this.#lengths[index] ?? 0;
  }

  #setLength(index: number, length: number): void {
    if (index >= this.#lengths.length) {
      const longer = new Uint32Array(Math.max(index + 1, this.#lengths.length * 2));
      longer.set(this.#lengths);
      this.#lengths = longer;
    }
    this.#lengths[index] = length;
  }
}
