import type { Manifest } from '../object/manifest.js';
import type { Clock } from '../seam/clock.js';
import type { Sha256 } from '../seam/digest.js';
import type { ResumableWriter, Role } from './contract.js';
import type { CommitAnswer, SlotWriter, WriterParts } from './slot-writer.js';
import type { KeptBlocks, UnfinishedWrites } from './unfinished-writes.js';

/** What a process that is killed loses at most: blocks, or what came in that time. */
const KEEP_EVERY_BLOCKS = 8;
const KEEP_EVERY_MS = 5000;

/** A {@link SlotWriter} whose blocks in the log outlast it, and the process, from time to time. */
export class ResumableSlotWriter implements ResumableWriter {
  /** Lengths of the blocks that outlast this writer, by index. */
  readonly #kept: Map<number, number>;
  #unkept = 0;
  #keptAtMs: number;
  #released = false;

  constructor(
    private readonly writer: SlotWriter,
    private readonly manifest: Manifest,
    kept: KeptBlocks | undefined,
    private readonly unfinished: UnfinishedWrites,
    private readonly parts: WriterParts,
    private readonly clock: Clock,
    private readonly sha256: Sha256,
  ) {
    this.#kept = new Map(kept?.lengths);
    this.#keptAtMs = clock.monotonic();
  }

  has(index: number): boolean {
    return this.writer.isOpen && this.writer.has(index);
  }

  async write(index: number, bytes: Uint8Array): Promise<void> {
    this.#forget(index);
    await this.writer.write(index, bytes);
    this.#unkept++;
    const due = this.#unkept >= KEEP_EVERY_BLOCKS || this.clock.monotonic() - this.#keptAtMs >= KEEP_EVERY_MS;
    if (due && this.writer.isOpen) await this.#keep();
  }

  async read(index: number): Promise<Uint8Array | undefined> {
    const length = this.#kept.get(index);
    if (length === undefined || !this.writer.isOpen) return await this.writer.read(index);
    const name = { slot: this.writer.slot, index };
    const bytes = await this.parts.read(() => this.parts.blocks.read(name, length));
    const hash = this.manifest.blockHashes[index];
    if (bytes && hash && Buffer.compare(await this.sha256(bytes), hash) === 0) return bytes;
    this.#forget(index);
    return undefined;
  }

  async commit(manifest: Manifest, role: Role): Promise<CommitAnswer> {
    const answer = await this.writer.commit(manifest, role);
    if (answer === 'committed') this.#released = true;
    else await this.#remove();
    return answer;
  }

  async abort(): Promise<void> {
    await this.writer.abort();
    await this.#remove();
  }

  async suspend(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    // What cannot be kept is only fetched again.
    if (this.writer.isOpen) await this.#keep().catch(() => {});
    await this.writer.abort();
    this.unfinished.release(this.writer.slot);
  }

  async #keep(): Promise<void> {
    this.#unkept = 0;
    this.#keptAtMs = this.clock.monotonic();
    const { writer, parts } = this;
    const kept = await parts.write(async () => {
      try {
        return await this.unfinished.keep(writer.slot, this.manifest);
      } catch (error) {
        // Whether the blocks are named is for recovery to find out, as with a commit.
        if (parts.failed()) writer.end();
        throw error;
      }
    });
    for (const [index, length] of kept) {
      this.#kept.set(index, length);
      writer.keptBytes += length;
    }
  }

  #forget(index: number): void {
    const length = this.#kept.get(index);
    if (length === undefined || !this.writer.isOpen) return;
    this.#kept.delete(index);
    this.writer.forget(index);
    this.unfinished.lost(this.writer.slot, length);
  }

  /** Where the store has failed, recovery finds it, and it goes in its turn. */
  async #remove(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    await this.parts.tidy(() => this.unfinished.remove(this.writer.slot)).catch(() => {});
  }
}
