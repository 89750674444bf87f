import type { MurkyError } from '../errors.js';

/** One change of an ordered key-value table. */
export type TableChange =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array };

/** Which keys, in byte order; at most `limit` of them. */
export interface TableRange {
  readonly gt?: Uint8Array;
  readonly gte?: Uint8Array;
  readonly lt?: Uint8Array;
  readonly reverse?: boolean;
  readonly limit: number;
}

/** A table that is only read: nothing of what it is in changes. */
export interface TableMirror {
  /** The table as it is, changes to which go nowhere, or why it cannot be opened. */
  readonly table: Table | MurkyError;
  close(): Promise<void>;
}

/**
 * An ordered table of byte strings: the seam between the store and its disk. LevelTable is the real one. Every method
 * rejects with a MurkyError that says what is wrong with the disk, never with a raw error.
 */
export interface Table {
  get(key: Uint8Array): Promise<Buffer | undefined>;
  entries(range: TableRange): Promise<[key: Buffer, value: Buffer][]>;
  keys(range: TableRange): Promise<Buffer[]>;
  /**
   * All changes or none, in order. With `sync` they survive a power cut once the promise has resolved; of batches
   * without it a power cut may take any.
   */
  batch(changes: readonly TableChange[], sync: boolean): Promise<void>;
  /** Every batch before it survives a power cut once it has resolved, unless a later batch fails. */
  flush(): Promise<void>;
  close(): Promise<void>;
}
