import { type Clock, sleep } from '../seam/clock.js';
import { lastRecords, type NamedRecord } from './block-index.js';
import type { BlockLog, Segment } from './block-log.js';
import { recordBytes } from './block-record.js';
import type { BlockTable } from './block-table.js';
import type { Budget } from './budget.js';
import type { Database } from './database.js';
import { KeyedMutex } from './keyed-mutex.js';
import type { Passage } from './paging.js';

/** Dead bytes that may stay: this share of what is on the disk, or one segment's, whichever is more. */
const MAX_DEAD_SHARE = 1 / 16;
/** Cached copies leave this share of the log to dead bytes: the fuller of live ones it is, the more copying frees less. */
const DEAD_ROOM_SHARE = 1 / 8;
/** Of so many segments more than twice those that their bytes would fill, the shortest are put together. */
const SPARE_SEGMENTS = 8;
/** This share of the budget, up to one step's copies, is for copies alone while there is as much to reclaim. */
const COPY_ROOM_SHARE = 1 / 128;
/** Most of the time that steps in the background take, unless told otherwise. */
export const DEFAULT_TIME_FRACTION = 0.25;
/** Most that one step copies, as far as the budget has room for so much; at least one record is copied. */
const STEP_BYTES = 4 * 2 ** 20;
const STEP_RECORDS = 64;

const deadBytesOf = (segment: Segment): number => segment.bytes - segment.liveBytes;

/**
 * Gives the room of dead records back to the disk: copies the last live records of a segment forward and cuts the file
 * behind those that are left, until none is dead. Going from the end, a step needs room for one record only, so the
 * budget holds even while it is full. What that leaves of a segment is short, and may live long: where such segments become
 * too many, the shortest are emptied although nothing is gained but a file less.
 */
export class SegmentReclaimer {
  readonly #steps = new KeyedMutex<'step'>();
  /** The segment that is being emptied. */
  #victim: number | undefined;
  #running = false;

  constructor(
    private readonly database: Database,
    private readonly blocks: BlockTable,
    private readonly budget: Budget,
    private readonly clock: Clock,
    private readonly maxTimeFraction: number,
  ) {}

  get log(): BlockLog {
    return this.database.blockLog;
  }

  /**
   * Reclaims in the background for as long as there is enough to gain; nothing if it is at work already. After each step
   * it rests until the step was no more than its share of the time.
   */
  async run(passage: Passage): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    try {
      for (;;) {
        const before = this.clock.monotonic();
        const step = this.#crowded() ? () => this.#shorten() : this.#worthwhile() ? () => this.step() : undefined;
        if (!step || !(await passage(step))) return;
        const restMs = (this.clock.monotonic() - before) * (1 / this.maxTimeFraction - 1);
        if (restMs > 0) await sleep(this.clock, restMs);
      }
    } finally {
      this.#running = false;
    }
  }

  /** One step, now; false if there is nothing to gain. After a failed write it rejects with that failure. */
  step(): Promise<boolean> {
    return this.#step(() => this.#choose());
  }

  /** The same with the shortest segment, for there to be fewer of them. */
  #shorten(): Promise<boolean> {
    return this.#step(() => this.#shortest());
  }

  async #step(choose: () => Segment | undefined): Promise<boolean> {
    return await this.#steps.run('step', async () => {
      // The step before may have left a copy that the index could not name. It is on the disk until recovery, and only
      // one may exceed the budget.
      if (this.database.failure) throw this.database.failure;
      const segment = choose();
      if (!segment) return false;
      await this.log.seal(segment);
      const records = await this.#tail(segment);
      await this.blocks.relocate(records);
      const end = await this.#endOf(segment);
      // A commit that failed meanwhile may turn out to be on the disk, and names the place that its blocks had.
      if (this.database.failure) throw this.database.failure;
      const gained = segment.bytes - end;
      if (gained > 0) await this.log.cut(segment, end);
      return gained > 0;
    });
  }

  /** Bytes by which live ones should stay below the budget. */
  get deadRoom(): number {
    return this.log.use.bytes * DEAD_ROOM_SHARE;
  }

  /** What writers leave free, so that a step can copy more than a single record. */
  get copyRoom(): number {
    const room = Math.min(STEP_BYTES, this.budget.maxBytes * COPY_ROOM_SHARE);
    return this.budget.deadBytes > room ? room : 0;
  }

  #worthwhile(): boolean {
    const { deadBytes, diskBytes } = this.budget;
    if (deadBytes > Math.max(this.log.segmentBytes, diskBytes * MAX_DEAD_SHARE)) return true;
    for (const segment of this.log.segments) if (segment.liveBytes === 0 && !this.log.isActive(segment)) return true;
    return false;
  }

  #crowded(): boolean {
    const { segments, bytes } = this.log.use;
    return segments > SPARE_SEGMENTS + 2 * Math.ceil(bytes / this.log.segmentBytes);
  }

  #shortest(): Segment | undefined {
    let shortest: Segment | undefined;
    for (const segment of this.log.segments) {
      if (this.log.isActive(segment) || segment.damaged) continue;
      if (!shortest || segment.bytes < shortest.bytes) shortest = segment;
    }
    return shortest;
  }

  /** The one at hand first, then the one with the most dead bytes; the one that is being written last. */
  #choose(): Segment | undefined {
    let best: Segment | undefined;
    let active: Segment | undefined;
    for (const segment of this.log.segments) {
      if (deadBytesOf(segment) <= 0 || (segment.damaged && segment.liveBytes > 0)) continue;
      if (this.log.isActive(segment)) active = segment;
      else if (segment.number === this.#victim) return segment;
      else if (!best || deadBytesOf(segment) > deadBytesOf(best)) best = segment;
    }
    const chosen = best ?? active;
    this.#victim = chosen?.number;
    return chosen;
  }

  /** The records at the end of a segment, as many as one step may copy; the room for that is taken. */
  async #tail(segment: Segment): Promise<NamedRecord[]> {
    const named = await lastRecords(this.database.index, segment.number, STEP_RECORDS);
    const unnamed = [...segment.unnamed].map(([offset, { slot, index, length }]) => ({
      name: { slot, index },
      location: { segment: segment.number, offset, length },
    }));
    const room = Math.min(STEP_BYTES, this.budget.maxBytes - this.budget.diskBytes);
    const tail: NamedRecord[] = [];
    let bytes = 0;
    for (const record of [...named, ...unnamed].sort((a, b) => b.location.offset - a.location.offset)) {
      bytes += recordBytes(record.location.length);
      if (tail.length > 0 && bytes > room) break;
      tail.push(record);
      this.budget.reserveCopy(recordBytes(record.location.length));
    }
    return tail;
  }

  /** Where the last record in use ends. */
  async #endOf(segment: Segment): Promise<number> {
    const [last] = await lastRecords(this.database.index, segment.number, 1);
    let end = last ? last.location.offset + recordBytes(last.location.length) : 0;
    for (const [offset, { length }] of segment.unnamed) end = Math.max(end, offset + recordBytes(length));
    return end;
  }
}
