import { type Clock, sleep } from '../seam/clock.js';
import { lastRecords, type NamedRecord } from './block-index.js';
import { type BlockLog, deadBytesOf, type Segment } from './block-log.js';
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
/** Of so many segments more than twice those that their bytes would fill, the emptiest are put together. */
const SPARE_SEGMENTS = 8;
/** This share of the budget, up to one step's copies, is for copies alone while there is as much to reclaim. */
const COPY_ROOM_SHARE = 1 / 128;
/** What emptying a segment costs beside its copies, as a share of a full one. */
const STEP_COST_SHARE = 1 / 16;
/** Most of the time that steps in the background take, unless told otherwise. */
export const DEFAULT_TIME_FRACTION = 0.25;
/** Most that one step copies, as far as the budget has room for so much; at least one record is copied. */
const STEP_BYTES = 4 * 2 ** 20;
const STEP_RECORDS = 64;

/**
 * Gives the room of dead records back to the disk. Where files may have holes, mostly as holes, which costs no copy. What
 * is left of a dead record then, and all of it elsewhere, is had by emptying a segment: the last live records are copied
 * forward and the file is cut behind those that are left, until none is dead. Going from the end, a step needs room for
 * one record only, so the budget holds even while it is full. Where segments become too many for the bytes that they
 * hold, those with the fewest live ones are emptied although nothing is gained but a file less.
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
        const due = this.log.punchableNowBytes > this.log.segmentBytes;
        const punched = due && (await passage(() => this.#punch()));
        // For holes nothing is read or written: of the time that steps may take they are no part.
        const before = this.clock.monotonic();
        const step = this.#crowded() ? () => this.#putTogether() : this.#worthwhile() ? () => this.#empty() : undefined;
        if (!(step && (await passage(step))) && !punched) return;
        const restMs = (this.clock.monotonic() - before) * (1 / this.maxTimeFraction - 1);
        if (restMs > 0) await sleep(this.clock, restMs);
      }
    } finally {
      this.#running = false;
    }
  }

  /** One step, now; false if there is nothing to gain. After a failed write it rejects with that failure. */
  async step(): Promise<boolean> {
    return (await this.#punch()) || (await this.#empty());
  }

  /**
   * Recovery: what was given back and was not synced, a power cut may have brought back. Where it makes the log larger
   * than it may be, and that is not for live ones, it is given back once more, for which the headers are read.
   */
  async recover(): Promise<void> {
    const { log, budget } = this;
    const segments = [...log.segments].filter(({ damaged }) => !damaged);
    for (const segment of segments.sort((a, b) => deadBytesOf(b) - deadBytesOf(a))) {
      if (budget.diskBytes <= budget.limitBytes || budget.liveBytes > budget.limitBytes) return;
      const records = await this.#lastRecords(segment, Number.MAX_SAFE_INTEGER);
      await log.punchAllBut(
        segment,
        records.reverse().map(({ location }) => location),
      );
    }
  }

  /** Without copying anything. */
  #punch(): Promise<boolean> {
    return this.#steps.run('step', async () => {
      // A commit that failed may turn out to be on the disk, and names the place that its blocks had.
      if (this.database.failure) throw this.database.failure;
      return await this.log.punch();
    });
  }

  #empty(): Promise<boolean> {
    return this.#step(() => this.#choose());
  }

  /** The same with the emptiest segment, for there to be fewer of them. */
  #putTogether(): Promise<boolean> {
    return this.#step(() => this.#emptiest());
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
    const { diskBytes } = this.budget;
    const deadBytes = this.budget.deadBytes - this.log.punchableBytes;
    if (deadBytes > Math.max(this.log.segmentBytes, diskBytes * MAX_DEAD_SHARE)) return true;
    for (const segment of this.log.segments) if (segment.liveBytes === 0 && !this.log.isActive(segment)) return true;
    return false;
  }

  #crowded(): boolean {
    const { segments, bytes } = this.log.use;
    return segments > SPARE_SEGMENTS + 2 * Math.ceil(bytes / this.log.segmentBytes);
  }

  #emptiest(): Segment | undefined {
    let emptiest: Segment | undefined;
    for (const segment of this.log.segments) {
      if (this.log.isActive(segment) || segment.damaged) continue;
      if (!emptiest || segment.liveBytes < emptiest.liveBytes) emptiest = segment;
    }
    return emptiest;
  }

  /** The one at hand first, then the one of most use; the one that is being written last. */
  #choose(): Segment | undefined {
    let best: Segment | undefined;
    let active: Segment | undefined;
    for (const segment of this.log.segments) {
      if (deadBytesOf(segment) <= 0 || (segment.damaged && segment.liveBytes > 0)) continue;
      if (this.log.isActive(segment)) active = segment;
      else if (segment.number === this.#victim) return segment;
      else if (!best || this.#gain(segment) > this.#gain(best)) best = segment;
    }
    const chosen = best ?? active;
    this.#victim = chosen?.number;
    return chosen;
  }

  /** What emptying a segment brings, against what it costs: where its dead bytes are few, so should be its live ones. */
  #gain(segment: Segment): number {
    const { liveBytes } = segment;
    if (liveBytes === 0) return Number.POSITIVE_INFINITY;
    return deadBytesOf(segment) / (liveBytes + this.log.segmentBytes * STEP_COST_SHARE);
  }

  /** The records at the end of a segment, as many as one step may copy; the room for that is taken. */
  async #tail(segment: Segment): Promise<NamedRecord[]> {
    const records = await this.#lastRecords(segment, STEP_RECORDS);
    const room = Math.min(STEP_BYTES, this.budget.maxBytes - this.budget.diskBytes);
    const tail: NamedRecord[] = [];
    let bytes = 0;
    for (const record of records) {
      bytes += recordBytes(record.location.length);
      if (tail.length > 0 && bytes > room) break;
      tail.push(record);
      this.budget.reserveCopy(recordBytes(record.location.length));
    }
    return tail;
  }

  /** Those in use, the last one first; of those that the index names, `limit` at most. */
  async #lastRecords(segment: Segment, limit: number): Promise<NamedRecord[]> {
    const named = await lastRecords(this.database.index, segment.number, limit);
    const unnamed = [...segment.unnamed].map(([offset, { slot, index, length }]) => ({
      name: { slot, index },
      location: { segment: segment.number, offset, length },
    }));
    return [...named, ...unnamed].sort((a, b) => b.location.offset - a.location.offset);
  }

  /** Where the last record in use ends. */
  async #endOf(segment: Segment): Promise<number> {
    const [last] = await lastRecords(this.database.index, segment.number, 1);
    let end = last ? last.location.offset + recordBytes(last.location.length) : 0;
    for (const [offset, { length }] of segment.unnamed) end = Math.max(end, offset + recordBytes(length));
    return end;
  }
}
