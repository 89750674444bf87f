import type { Clock } from '../seam/clock.js';
import type { Crc32, Sha256 } from '../seam/digest.js';
import type { Log } from '../seam/log.js';
import type { Disk } from './disk.js';

/** How a store is opened. */
export interface ObjectStoreOptions {
  /** Folder of the store; created if need be. One store at a time may have it open. */
  readonly folder: string;
  /** Budget of the bytes of values on the disk. */
  readonly maxBytes: number;
  /** The budget is one for the whole folder, index and journal too, as they are measured. */
  readonly wholeFolder?: boolean;
  /** How long an overwritten version stays readable whatever else needs the room. */
  readonly graceMs?: number;
  /** How long it is kept while there is room, at most 100 versions of an object; the grace time by default. */
  readonly retentionMs?: number;
  readonly clock?: Clock;
  readonly log?: Log;
  /** LevelDB on a real disk unless told otherwise. */
  readonly disk?: Disk;
  /** Most bytes of a segment of the block log, unless one record alone is larger; otherwise the budget tells. */
  readonly segmentBytes?: number;
  /** Of the journal, what a start may have to replay, and what is there before it is written anew; 8 MiB. */
  readonly journalBytes?: number;
  /** Most of the time that reclaiming segments takes in the background, above 0, up to 1. */
  readonly reclaimTimeFraction?: number;
  readonly sha256?: Sha256;
  readonly crc32?: Crc32;
}
