import type { MurkyError } from '../errors.js';
import { BLOCK_BYTES } from '../object/manifest.js';
import type { Log } from '../seam/log.js';
import type { NamedRecord } from './block-index.js';
import { type BlockName, encodeHeader, HEADER_BYTES, type Location, recordBytes } from './block-record.js';
import type { Budget } from './budget.js';
import { diskError } from './disk-error.js';
import type { Files } from './files.js';
import { SegmentFiles } from './segment-files.js';

/** Bounds what one sync has to write, and so how long the first of a group waits. */
const MAX_GROUP_BYTES = 8 * 2 ** 20;

const MAX_SEGMENT_BYTES = 64 * 2 ** 20;
/** Of so many segments at least a full budget consists, as long as they hold more than a block. */
const SEGMENTS_OF_BUDGET = 64;

/** Large enough that files are few, and so small that one with dead bytes in it is a small part of the budget. */
export function segmentBytesFor(maxBytes: number): number {
  const share = Math.floor(maxBytes / SEGMENTS_OF_BUDGET);
  return Math.min(MAX_SEGMENT_BYTES, Math.max(recordBytes(BLOCK_BYTES), share));
}

/** A segment, as memory knows it. */
export interface Segment {
  readonly number: number;
  /** Bytes of the file. */
  bytes: number;
  /** Bytes of records that the index names, or that a writer at work holds. */
  liveBytes: number;
  /** The file ends before records that the index names: it is kept as it is until none of them is needed. */
  damaged: boolean;
  /** Records of writers at work, by offset: the index does not know of them. */
  readonly unnamed: Map<number, BlockName & { readonly length: number }>;
}

interface Pending {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  readonly name: BlockName;
  resolve(location: Location): void;
  reject(error: unknown): void;
}

/** A record in use, as the index says, or a writer at work. */
export interface RecordInUse extends NamedRecord {
  readonly unnamed: boolean;
}

/**
 * The bytes of blocks, in append-only segment files (as in WiscKey, FAST '16). What they mean is for the index to say:
 * the log knows how many bytes of a segment are in use, not by whom.
 *
 * Group commit: while one group is being synced, what arrives waits and then shares the next sync. After a failed write
 * or sync nothing is taken before `settle`: what the file holds behind its last synced byte is unknown then, and a
 * second sync would not tell (Rebello et al., "Can Applications Recover from fsync Failures?", ATC '20).
 */
export class BlockLog {
  readonly #files: SegmentFiles;
  readonly #segments = new Map<number, Segment>();
  readonly #waiting: Pending[] = [];
  #active: Segment | undefined;
  #next = 1;
  #running = false;
  #turn: Promise<void> = Promise.resolve();
  #failure: MurkyError | undefined;

  constructor(
    files: Files,
    folder: string,
    readonly segmentBytes: number,
    private readonly budget: Budget,
    private readonly log: Log,
    /** Told when the log may have room to give back. */
    private readonly onDead: () => void,
  ) {
    this.#files = new SegmentFiles(files, folder);
  }

  /** Why nothing is written any more, or undefined. Reads go on. */
  get failure(): MurkyError | undefined {
    return this.#failure;
  }

  get segments(): Iterable<Segment> {
    return this.#segments.values();
  }

  isActive(segment: Segment): boolean {
    return this.#active === segment;
  }

  /** Durable when it resolves; its bytes on the disk must have been reserved. The record is unnamed until `name`. */
  append(name: BlockName, bytes: Uint8Array): Promise<Location> {
    return this.#enqueue(name, [encodeHeader(name, bytes), bytes]);
  }

  /** A record as it is elsewhere in the log, damaged or not; it is verified by who reads it. */
  appendCopy(name: BlockName, record: Uint8Array): Promise<Location> {
    return this.#enqueue(name, [record]);
  }

  /** The index names the record from now on. */
  name({ segment, offset }: Location): void {
    this.#segments.get(segment)?.unnamed.delete(offset);
  }

  /** Nobody needs the record any more. */
  bury(location: Location): void {
    this.name(location);
    const segment = this.#segments.get(location.segment);
    if (!segment) return;
    segment.liveBytes -= recordBytes(location.length);
    this.budget.bury(recordBytes(location.length));
    if (segment.liveBytes === 0 || this.budget.deadBytes > this.segmentBytes) this.onDead();
  }

  /** The record, header and all, shorter if the file is; undefined if it cannot be read. */
  async read(location: Location): Promise<Buffer | undefined> {
    const segment = this.#segments.get(location.segment);
    if (!segment) return undefined;
    const wanted = recordBytes(location.length);
    try {
      const record = await this.#files.use(segment.number, (file) => file.read(location.offset, wanted));
      if (record.length < wanted) segment.damaged = true;
      return record;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      segment.damaged = true;
      if (code === 'ENOENT' || code === 'EIO') return undefined;
      throw diskError(error, this.#files.path(location.segment));
    }
  }

  /** Nothing is appended to the segment any more when it resolves. */
  async seal(segment: Segment): Promise<void> {
    if (this.#active !== segment) return;
    this.#active = undefined;
    await this.#turn;
  }

  /** Gives the bytes behind `bytes` back to the disk; a segment without any goes. Nothing behind may be live. */
  async cut(segment: Segment, bytes: number): Promise<void> {
    const freed = segment.bytes - bytes;
    try {
      if (bytes === 0) {
        this.#segments.delete(segment.number);
        await this.#files.remove(segment.number);
      } else {
        await this.#files.use(segment.number, (file) => file.truncate(bytes));
        segment.bytes = bytes;
      }
    } catch (error) {
      throw this.#fail(error, segment.number);
    }
    this.budget.unbury(freed);
  }

  /**
   * Recovery: brings files and memory into agreement with `records`, all that are in use. What lies behind the last
   * record in use of a segment belongs to nobody and is cut off. Reads the sizes of the files, and nothing else.
   */
  async settle(records: AsyncIterable<RecordInUse>): Promise<void> {
    try {
      await this.#settle(records);
    } catch (error) {
      throw this.#fail(error, 0);
    }
  }

  async close(): Promise<void> {
    await this.#files.closeAll();
  }

  async #settle(records: AsyncIterable<RecordInUse>): Promise<void> {
    this.#segments.clear();
    this.#active = undefined;
    const ends = new Map<number, number>();
    for await (const { name, location, unnamed } of records) {
      const { segment: number, offset, length } = location;
      const end = offset + recordBytes(length);
      ends.set(number, Math.max(ends.get(number) ?? 0, end));
      const segment = this.#segment(number);
      segment.liveBytes += recordBytes(length);
      if (unnamed) segment.unnamed.set(offset, { ...name, length });
    }
    let dropped = 0;
    for (const number of await this.#files.list()) {
      const segment = this.#segment(number);
      const end = ends.get(number) ?? 0;
      ends.delete(number);
      segment.bytes = await this.#files.use(number, (file) => file.size());
      if (segment.bytes < end) {
        const facts = { segment: number, bytes: segment.bytes, expectedBytes: end };
        this.log.error(facts, 'A segment of the block log is cut short; the blocks behind its end are lost here.');
        this.#lose(segment, end);
      } else if (segment.bytes > end) {
        dropped += segment.bytes - end;
        if (end === 0) await this.#files.remove(number);
        else await this.#files.use(number, (file) => file.truncate(end));
        segment.bytes = end;
      }
      if (end === 0) this.#segments.delete(number);
    }
    for (const [number, end] of ends) {
      this.#lose(this.#segment(number), end);
      this.log.error({ segment: number }, 'A segment of the block log is missing; its blocks are lost here.');
    }
    if (dropped > 0) this.log.info({ bytes: dropped }, 'Dropped what unfinished writes had left in the block log.');
    this.#resume();
  }

  /** A segment that is known, or becomes so. */
  #segment(number: number): Segment {
    const known = this.#segments.get(number);
    if (known) return known;
    const segment: Segment = { number, bytes: 0, liveBytes: 0, damaged: false, unnamed: new Map() };
    this.#segments.set(number, segment);
    this.#next = Math.max(this.#next, number + 1);
    return segment;
  }

  /** Counts as if all of it were there, so that its records can be buried one by one. */
  #lose(segment: Segment, end: number): void {
    segment.bytes = end;
    segment.damaged = true;
  }

  #resume(): void {
    for (const segment of this.#segments.values()) {
      this.budget.foundOnDisk(segment.bytes, segment.bytes - segment.liveBytes);
    }
    // Cut to its last record in use, so whole: the next record goes right behind.
    const last = this.#segments.get(this.#next - 1);
    if (last && !last.damaged) this.#active = last;
    this.#failure = undefined;
  }

  #enqueue(name: BlockName, parts: readonly Uint8Array[]): Promise<Location> {
    return new Promise((resolve, reject) => {
      const bytes = parts.reduce((sum, part) => sum + part.length, 0);
      this.#waiting.push({ parts, bytes, name, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      this.#turn = this.#writeGroup();
      await this.#turn;
    }
    this.#running = false;
  }

  async #writeGroup(): Promise<void> {
    let group: Pending[] = [];
    try {
      if (this.#failure) throw this.#failure;
      const segment = await this.#segmentFor(this.#waiting[0]!.bytes);
      group = this.#takeGroup(segment);
      await this.#write(segment, group);
    } catch (error) {
      const failure = this.#fail(error, this.#next - 1);
      for (const pending of [...group, ...this.#waiting.splice(0)]) pending.reject(failure);
    }
  }

  async #segmentFor(bytes: number): Promise<Segment> {
    const active = this.#active;
    if (active && active.bytes + bytes <= this.segmentBytes) return active;
    const number = this.#next++;
    await this.#files.create(number);
    this.#active = this.#segment(number);
    return this.#active;
  }

  #takeGroup(segment: Segment): Pending[] {
    let bytes = 0;
    let count = 0;
    for (const pending of this.#waiting) {
      const fits =
        bytes + pending.bytes <= MAX_GROUP_BYTES && segment.bytes + bytes + pending.bytes <= this.segmentBytes;
      if (count > 0 && !fits) break;
      bytes += pending.bytes;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #write(segment: Segment, group: readonly Pending[]): Promise<void> {
    const parts = group.flatMap((pending) => pending.parts);
    await this.#files.use(segment.number, async (file) => {
      await file.write(parts, segment.bytes);
      await file.sync();
    });
    for (const { name, bytes, resolve } of group) {
      const length = bytes - HEADER_BYTES;
      const location = { segment: segment.number, offset: segment.bytes, length };
      segment.bytes += bytes;
      segment.liveBytes += bytes;
      segment.unnamed.set(location.offset, { ...name, length });
      resolve(location);
    }
  }

  #fail(error: unknown, segment: number): MurkyError {
    this.#failure ??= diskError(error, this.#files.path(segment));
    return this.#failure;
  }
}
