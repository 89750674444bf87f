import type { MurkyError } from '../errors.js';
import { BLOCK_BYTES } from '../object/manifest.js';
import { type Crc32, crc32Here } from '../seam/digest.js';
import type { FilePlace } from '../seam/file-place.js';
import type { Log } from '../seam/log.js';
import { type Appended, Appender } from './appender.js';
import type { NamedRecord } from './block-index.js';
import { type BlockName, encodeHeader, HEADER_BYTES, type Location, recordBytes } from './block-record.js';
import type { Budget } from './budget.js';
import { DeadBlocks } from './dead-blocks.js';
import { diskError } from './disk-error.js';
import type { Files, StoreFile } from './files.js';
import { LentRecords } from './lent-records.js';
import { Readers } from './readers.js';
import { SegmentFiles } from './segment-files.js';
import { recordsBetween } from './segment-scan.js';

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
  /** Of these, bytes that are not on the disk: of dead records, which have been given back where they were. */
  punchedBytes: number;
  /** Bytes of records that the index names, or that a writer at work holds. */
  liveBytes: number;
  /** The file ends before records that the index names: it is kept as it is until none of them is needed. */
  damaged: boolean;
  /** Records of writers at work, by offset: the index does not know of them. */
  readonly unnamed: Map<number, BlockName & { readonly length: number }>;
}

export const onDiskBytesOf = ({ bytes, punchedBytes }: Segment): number => bytes - punchedBytes;
export const deadBytesOf = (segment: Segment): number => onDiskBytesOf(segment) - segment.liveBytes;

export interface LogUse {
  readonly segments: number;
  readonly bytes: number;
  readonly deadBytes: number;
}

/** A record in use, as the index says, or a writer at work. */
export interface RecordInUse extends NamedRecord {
  readonly unnamed: boolean;
}

/**
 * The bytes of blocks, in append-only segment files (as in WiscKey, FAST '16). What they mean is for the index to say:
 * the log knows how many bytes of a segment are in use, not by whom.
 */
export class BlockLog {
  readonly #files: SegmentFiles;
  readonly #lent = new LentRecords();
  readonly #readers = new Readers();
  readonly #dead: DeadBlocks;
  readonly #segments = new Map<number, Segment>();
  readonly #appender: Appender;
  #active: Segment | undefined;
  #next = 1;
  #failure: MurkyError | undefined;

  constructor(
    files: Files,
    folder: string,
    readonly segmentBytes: number,
    private readonly budget: Budget,
    private readonly log: Log,
    /** Told when the log may have room to give back. */
    private readonly onDead: () => void,
    crc32: Crc32 = crc32Here,
  ) {
    this.#files = new SegmentFiles(files, folder);
    this.#dead = new DeadBlocks(this.#files, this.#readers, budget);
    this.#appender = new Appender(this.#files, {
      active: (bytes) => this.#activeFor(bytes),
      open: () => this.#open(),
      maxSegmentBytes: segmentBytes,
      crc32,
      failure: () => this.#failure,
      fail: (error) => this.#fail(error, this.#next - 1),
    });
  }

  /** Why nothing is written any more, or undefined. Reads go on. */
  get failure(): MurkyError | undefined {
    return this.#failure;
  }

  get segments(): Iterable<Segment> {
    return this.#segments.values();
  }

  /** What the log takes on the disk, and how much of it is of no use. */
  get use(): LogUse {
    const use = { segments: this.#segments.size, bytes: 0, deadBytes: 0 };
    for (const segment of this.#segments.values()) {
      use.bytes += onDiskBytesOf(segment);
      use.deadBytes += deadBytesOf(segment);
    }
    return use;
  }

  isActive(segment: Segment): boolean {
    return this.#active === segment;
  }

  /** Written when it resolves; its bytes on the disk must have been reserved. The record is unnamed until `name`. */
  append(name: BlockName, bytes: Uint8Array): Promise<Appended> {
    return this.#appender.append(name, { header: encodeHeader(name, bytes.length), block: bytes });
  }

  /** A record as it is elsewhere in the log, damaged or not; it is verified by who reads it. */
  appendCopy(name: BlockName, record: Uint8Array): Promise<Appended> {
    return this.#appender.append(name, { block: record });
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
    this.#dead.note(location);
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

  /**
   * Runs `work` on where a record's block lies: file and bytes stay until it ends. Undefined, and nothing is run, if the
   * file cannot be opened, or has no descriptor.
   */
  async lend<T>(location: Location, work: (place: Omit<FilePlace, 'sha256'>) => Promise<T>): Promise<T | undefined> {
    const { segment, offset, length } = location;
    if (!this.#segments.has(segment)) return undefined;
    let begun = false;
    const onFile = async ({ descriptor }: StoreFile) => {
      if (descriptor === undefined) return undefined;
      begun = true;
      return await work({ descriptor, offset: offset + HEADER_BYTES, length });
    };
    try {
      return await this.#lent.lend(location, () => this.#files.use(segment, onFile));
    } catch (error) {
      if (begun) throw error;
      return undefined; // what is wrong with the file, `read` finds out
    }
  }

  /** To look a place up in the index and read there: until it ends, what has gone from the index meanwhile stays. */
  reading<T>(work: () => Promise<T>): Promise<T> {
    return this.#readers.run(work);
  }

  /** Bytes of dead blocks that `punch` gives back, sooner or later. */
  get punchableBytes(): number {
    return this.#dead.bytes();
  }

  /** Of these, what it gives back now. */
  get punchableNowBytes(): number {
    return this.#dead.bytes(this.#active);
  }

  /**
   * Gives dead blocks back to the disk where they are; false if there are none, or no holes. Their removal from the index
   * must be durable. The segment that is being written has its turn when it is full; one that is all dead goes as a whole.
   */
  async punch(): Promise<boolean> {
    const segments: Segment[] = [];
    for (const segment of this.#segments.values()) {
      if (segment.damaged) this.#dead.forget(segment.number);
      else if (segment !== this.#active && segment.liveBytes > 0) segments.push(segment);
    }
    return await this.#punch(segments);
  }

  /** The same with a segment of which it is not remembered what is dead: all but what is `inUse`, the first at first. */
  async punchAllBut(segment: Segment, inUse: readonly Location[]): Promise<boolean> {
    for await (const { location } of recordsBetween(this.#files, segment.number, inUse)) this.#dead.note(location);
    return await this.#punch([segment]);
  }

  /** Nothing is appended to the segment any more when it resolves. */
  async seal(segment: Segment): Promise<void> {
    if (this.#active === segment) this.#active = undefined;
    await this.#appender.settled(segment);
  }

  /**
   * Gives the bytes behind `bytes` back to the disk; a segment without any goes. Nothing behind may be live. Waits for who
   * was lent a record there.
   */
  async cut(segment: Segment, bytes: number): Promise<void> {
    const before = onDiskBytesOf(segment);
    try {
      if (bytes === 0) {
        this.#segments.delete(segment.number);
        this.#dead.forget(segment.number);
        await this.#files.remove(segment.number);
      } else {
        await this.#lent.returned(segment.number, bytes);
        await this.#files.use(segment.number, (file) => file.truncate(bytes));
        segment.bytes = bytes;
        if (segment.punchedBytes > 0) segment.punchedBytes = await this.#dead.holeBytes(segment);
      }
    } catch (error) {
      throw this.#fail(error, segment.number);
    }
    this.budget.unbury(before - (bytes === 0 ? 0 : onDiskBytesOf(segment)));
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
    this.#dead.clear();
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
      else if (!segment.damaged) segment.punchedBytes = await this.#dead.holeBytes(segment);
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
    const segment: Segment = { number, bytes: 0, punchedBytes: 0, liveBytes: 0, damaged: false, unnamed: new Map() };
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
      this.budget.foundOnDisk(onDiskBytesOf(segment), deadBytesOf(segment));
    }
    // Cut to its last record in use, so whole: the next record goes right behind.
    const last = this.#segments.get(this.#next - 1);
    if (last && !last.damaged) this.#active = last;
    this.#failure = undefined;
  }

  async #punch(segments: readonly Segment[]): Promise<boolean> {
    try {
      return await this.#dead.punch(segments);
    } catch (error) {
      throw this.#fail(error, segments[0]?.number ?? 0);
    }
  }

  #activeFor(bytes: number): Segment | undefined {
    const active = this.#active;
    const fits = active && (active.bytes === 0 || active.bytes + bytes <= this.segmentBytes);
    return fits ? active : undefined;
  }

  async #open(): Promise<void> {
    const number = this.#next++;
    await this.#files.create(number);
    this.#active = this.#segment(number);
  }

  #fail(error: unknown, segment: number): MurkyError {
    this.#failure ??= diskError(error, this.#files.path(segment));
    return this.#failure;
  }
}
