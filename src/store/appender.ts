import type { MurkyError } from '../errors.js';
import { BLOCK_BYTES } from '../object/manifest.js';
import type { Crc32 } from '../seam/digest.js';
import type { Segment } from './block-log.js';
import { type BlockName, HEADER_BYTES, type Location, recordBytes, sumHeader } from './block-record.js';
import type { StoreFile } from './files.js';
import type { SegmentFiles } from './segment-files.js';

/** One write is no longer than the largest record: calls for several MiB take several times as long for each. */
const MAX_WRITE_BYTES = recordBytes(BLOCK_BYTES);
/** Of Node's four pool threads the others are for the sync and for LevelDB. */
const MAX_WRITES = 2;
/** Bounds what one sync has to write, and so how long the first of a group waits. */
const MAX_GROUP_BYTES = 8 * 2 ** 20;

/** A record in the log. It is written; whether a power cut leaves it is certain once `settled` has resolved. */
export interface Appended {
  readonly location: Location;
  readonly durable: boolean;
  /** Why it will never be durable. */
  readonly failure: MurkyError | undefined;
  /** Rejects with `failure`. */
  readonly settled: Promise<void>;
}

/** What is written: a block behind a header that has no sums yet, or a copy of a record, header and all. */
export interface Written {
  readonly header?: Buffer;
  readonly block: Uint8Array;
}

interface Record extends Written {
  readonly bytes: number;
  readonly name: BlockName;
  resolve(appended: Appended): void;
  reject(error: unknown): void;
}

interface Placed extends Record {
  readonly segment: Segment;
  readonly appended: Settling;
}

class Settling implements Appended {
  durable = false;
  failure: MurkyError | undefined;
  readonly settled: Promise<void>;
  #end!: { resolve(): void; reject(failure: MurkyError): void };

  constructor(readonly location: Location) {
    this.settled = new Promise((resolve, reject) => {
      this.#end = { resolve, reject };
    });
    this.settled.catch(() => {}); // of a record that nobody commits nobody asks
  }

  end(failure?: MurkyError): void {
    this.durable = failure === undefined;
    this.failure = failure;
    if (failure) this.#end.reject(failure);
    else this.#end.resolve();
  }
}

export interface AppenderParts {
  /** The segment that takes the next record, if it has room for so many bytes. */
  readonly active: (bytes: number) => Segment | undefined;
  /** Makes a new segment the active one. */
  readonly open: () => Promise<void>;
  readonly maxSegmentBytes: number;
  readonly crc32: Crc32;
  /** Why nothing is written any more, or undefined. */
  readonly failure: () => MurkyError | undefined;
  /** Ends the writing; the failure that the log has from now on. */
  readonly fail: (error: unknown) => MurkyError;
}

/**
 * Writes records behind one another. Each is written as it comes, beside the sync of those before; while one group is
 * being synced, what has been written since waits and then shares the next sync.
 *
 * After a failed write or sync nothing is taken before the log has been settled: what the file holds behind its last
 * synced byte is unknown then, and a second sync would not tell (Rebello et al., "Can Applications Recover from fsync
 * Failures?", ATC '20).
 */
export class Appender {
  readonly #waiting: Record[] = [];
  /** Records with a place that are not durable yet, by segment. */
  readonly #underWay = new Map<Segment, number>();
  #written: Placed[] = [];
  #unsyncedBytes = 0;
  #writes = 0;
  #placing = false;
  #syncing = false;
  #onProgress: (() => void)[] = [];

  constructor(
    private readonly files: SegmentFiles,
    private readonly parts: AppenderParts,
  ) {}

  /** In the file when it resolves. */
  append(name: BlockName, written: Written): Promise<Appended> {
    return new Promise((resolve, reject) => {
      const bytes = (written.header?.length ?? 0) + written.block.length;
      this.#waiting.push({ ...written, bytes, name, resolve, reject });
      if (!this.#placing) void this.#place();
    });
  }

  /** Resolves when no record is on its way to the segment. */
  async settled(segment: Segment): Promise<void> {
    while (this.#underWay.has(segment)) await this.#progress();
  }

  async #place(): Promise<void> {
    this.#placing = true;
    while (this.#waiting.length > 0) {
      try {
        while (this.#writes >= MAX_WRITES || this.#unsyncedBytes >= MAX_GROUP_BYTES) await this.#progress();
        const failure = this.parts.failure();
        if (failure) throw failure;
        const segment = this.parts.active(this.#waiting[0]!.bytes);
        if (segment) void this.#write(segment, this.#takeGroup(segment));
        else await this.parts.open();
      } catch (error) {
        const failure = this.parts.fail(error);
        for (const record of this.#waiting.splice(0)) record.reject(failure);
      }
    }
    this.#placing = false;
  }

  /** As many records as one write and the segment have room for, at least one, each with its place. */
  #takeGroup(segment: Segment): Placed[] {
    const group: Placed[] = [];
    let bytes = 0;
    for (const record of this.#waiting) {
      const fits =
        bytes + record.bytes <= MAX_WRITE_BYTES && segment.bytes + record.bytes <= this.parts.maxSegmentBytes;
      if (group.length > 0 && !fits) break;
      const location = { segment: segment.number, offset: segment.bytes, length: record.bytes - HEADER_BYTES };
      group.push({ ...record, segment, appended: new Settling(location) });
      bytes += record.bytes;
      segment.bytes += record.bytes;
      segment.liveBytes += record.bytes;
      segment.unnamed.set(location.offset, { ...record.name, length: location.length });
    }
    this.#waiting.splice(0, group.length);
    this.#underWay.set(segment, (this.#underWay.get(segment) ?? 0) + group.length);
    this.#unsyncedBytes += bytes;
    return group;
  }

  async #write(segment: Segment, group: readonly Placed[]): Promise<void> {
    this.#writes++;
    try {
      await this.files.use(segment.number, (file) => this.#writeTo(file, group));
      this.#written.push(...group);
      for (const { appended, resolve } of group) resolve(appended);
    } catch (error) {
      for (const record of group) this.#unsyncedBytes -= record.bytes;
      const failure = this.parts.fail(error);
      for (const { reject } of group) reject(failure);
      this.#end(group, failure);
    }
    this.#writes--;
    this.#advance();
    if (!this.#syncing) void this.#sync();
  }

  async #writeTo(file: StoreFile, group: readonly Placed[]): Promise<void> {
    const parts: Uint8Array[] = [];
    const headers: number[] = [];
    for (const { header, block } of group) {
      if (header && file.writeRecords) headers.push(parts.length);
      else if (header) sumHeader(header, block, this.parts.crc32);
      parts.push(...(header ? [header, block] : [block]));
    }
    const { offset } = group[0]!.appended.location;
    await (headers.length > 0 ? file.writeRecords!(parts, headers, offset) : file.write(parts, offset));
  }

  async #sync(): Promise<void> {
    this.#syncing = true;
    while (this.#written.length > 0) {
      const group = this.#written;
      this.#written = [];
      for (const record of group) this.#unsyncedBytes -= record.bytes;
      this.#advance();
      try {
        const failure = this.parts.failure();
        if (failure) throw failure;
        const segments = new Set(group.map(({ segment }) => segment));
        for (const { number } of segments) await this.files.use(number, (file) => file.sync());
        this.#end(group);
      } catch (error) {
        this.#end(group, this.parts.fail(error));
      }
    }
    this.#syncing = false;
  }

  #end(group: readonly Placed[], failure?: MurkyError): void {
    for (const { segment, appended } of group) {
      const others = this.#underWay.get(segment)! - 1;
      if (others > 0) this.#underWay.set(segment, others);
      else this.#underWay.delete(segment);
      appended.end(failure);
    }
    this.#advance();
  }

  /** Resolves when a write or a sync has ended. */
  #progress(): Promise<void> {
    return new Promise((resolve) => this.#onProgress.push(resolve));
  }

  #advance(): void {
    for (const resolve of this.#onProgress.splice(0)) resolve();
  }
}
