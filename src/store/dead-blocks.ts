import type { Hole } from '../seam/punch-holes.js';
import { allEnded } from './all-ended.js';
import type { Segment } from './block-log.js';
import { HEADER_BYTES, type Location } from './block-record.js';
import type { Budget } from './budget.js';
import type { Readers } from './readers.js';
import type { SegmentFiles } from './segment-files.js';

/** Most that are remembered; the room of others comes back when what is live of their segment is copied. */
const MAX_REMEMBERED = 65_536;
/** Segments have their turn until so many blocks have gone: a file system may take a millisecond for each. */
const STEP_BLOCKS = 64;
/** So many files at a time: the other threads of Node's pool are for reads, writes and syncs. */
const LANES = 2;

/**
 * Blocks of dead records, which go back to the disk where they are: a hole takes their place in the file, and nothing has
 * to be copied. The headers stay, so that who reads a segment from its beginning finds each next record.
 */
export class DeadBlocks {
  readonly #holes = new Map<number, { parts: Hole[]; bytes: number }>();
  #remembered = 0;
  #bytes = 0;
  /** Until the file system says that there are no holes. */
  #possible = true;

  constructor(
    private readonly files: SegmentFiles,
    private readonly readers: Readers,
    private readonly budget: Budget,
  ) {}

  /** Of those that are remembered, without the ones in `except`. */
  bytes(except?: Segment): number {
    return this.#bytes - (except ? (this.#holes.get(except.number)?.bytes ?? 0) : 0);
  }

  note({ segment, offset, length }: Location): void {
    if (!this.#possible || this.#remembered >= MAX_REMEMBERED) return;
    const holes = this.#holes.get(segment) ?? { parts: [], bytes: 0 };
    holes.parts.push({ offset: offset + HEADER_BYTES, length });
    holes.bytes += length;
    this.#holes.set(segment, holes);
    this.#remembered++;
    this.#bytes += length;
  }

  /** Those of a segment are remembered no longer. */
  forget(segment: number): readonly Hole[] {
    const { parts, bytes } = this.#holes.get(segment) ?? { parts: [], bytes: 0 };
    this.#holes.delete(segment);
    this.#remembered -= parts.length;
    this.#bytes -= bytes;
    return parts;
  }

  clear(): void {
    for (const segment of [...this.#holes.keys()]) this.forget(segment);
  }

  /**
   * Gives those of these segments back, once whoever may still read them has ended. Not synced: what a power cut brings
   * back is found at the next start. False if no room came of it.
   */
  async punch(segments: readonly Segment[]): Promise<boolean> {
    const work: [Segment, readonly Hole[]][] = [];
    let blocks = 0;
    for (const segment of segments) {
      if (blocks >= STEP_BLOCKS) break;
      const parts = this.forget(segment.number);
      if (parts.length > 0) work.push([segment, parts]);
      blocks += parts.length;
    }
    if (work.length === 0) return false;
    await this.readers.ended();
    let gained = 0;
    const lane = async () => {
      for (let next = work.pop(); next && this.#possible; next = work.pop()) gained += await this.#punch(...next);
    };
    await allEnded(Array.from({ length: LANES }, lane));
    return gained > 0;
  }

  /** Bytes of a segment that are not on the disk. Live ones always count, also where the file system compresses them. */
  async holeBytes(segment: Segment): Promise<number> {
    const found = await this.files.use(segment.number, async ({ holes }) => (await holes?.bytes()) ?? 0);
    return Math.min(found, segment.bytes - segment.liveBytes);
  }

  /** The bytes that came of it. */
  async #punch(segment: Segment, parts: readonly Hole[]): Promise<number> {
    if (!(await this.files.use(segment.number, async ({ holes }) => (await holes?.punch(parts)) ?? false))) {
      this.#possible = false;
      this.clear();
      return 0;
    }
    const punchedBytes = await this.holeBytes(segment);
    const gained = punchedBytes - segment.punchedBytes;
    segment.punchedBytes = punchedBytes;
    this.budget.unbury(gained);
    return gained;
  }
}
