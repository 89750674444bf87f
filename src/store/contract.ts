import type { Manifest } from '../object/manifest.js';
import type { Version } from '../object/version.js';
import type { FilePlace } from '../seam/file-place.js';

/** Why this node holds a version: an owner's replica is never evicted, a cached copy may be. */
export type Role = 'replica' | 'cached';

/** 'gone': the version is not here, or has no such block. */
export type BlockState = 'sound' | 'damaged' | 'gone';

/** What the layers above know of a store. The one implementation is ObjectStore; a simulated one may take its place. */
export interface Store {
  /** Newest version of a resource, tombstones too. MURKY_BLOCK_CORRUPT if its record or manifest is damaged. */
  current(id: bigint): Promise<Manifest | undefined>;
  role(id: bigint): Promise<Role | undefined>;
  /** A version that is still readable: the current one, or one overwritten less than the grace time ago. */
  manifest(id: bigint, version: Version): Promise<Manifest | undefined>;
  /** All versions that are still readable, tombstones too, the newest first; damaged ones are left out. */
  history(id: bigint): Promise<Manifest[]>;
  /** Verified bytes; undefined if not here; MURKY_BLOCK_CORRUPT if what is here is damaged. */
  block(id: bigint, version: Version, index: number): Promise<Uint8Array | undefined>;
  /**
   * Lets `readFrom` read and verify a block in the file where it lies; until that ends, it lies there. False if it is in
   * no file, or `readFrom` did not find there what it should: then `block` has it, or says what is wrong with it.
   */
  readInPlace(
    id: bigint,
    version: Version,
    index: number,
    readFrom: (place: FilePlace) => Promise<boolean>,
  ): Promise<boolean>;
  /** Reads and verifies like `block`; does not count as a use of the object. */
  check(id: bigint, version: Version, index: number): Promise<BlockState>;
  /**
   * Writes a block anew in the place of a damaged or missing one, durable when it resolves. False, and nothing written,
   * if the version is no longer here or `bytes` are not what its manifest names. MURKY_STORE_FULL,
   * MURKY_DISK_FULL; MURKY_BLOCK_CORRUPT if its record or manifest is damaged.
   */
  mend(id: bigint, version: Version, index: number, bytes: Uint8Array): Promise<boolean>;

  /** Starts to write the blocks of one version. Nothing is visible before `commit`. */
  begin(): BlockWriter;
  /**
   * Like `begin`, for a version whose manifest is known. Goes on with what an earlier writer of that very manifest has
   * left: one that was suspended, or whose process ended, less than a day ago. What is left so counts as other bytes and
   * is the first to give way.
   */
  resume(manifest: Manifest): Promise<ResumableWriter>;
  /** Objects in key order, tombstones left out. */
  list(options?: { prefix?: string; after?: string; limit?: number }): AsyncIterable<Manifest>;
  /** Every current version, tombstones too, in id order; only ids greater than `after`. */
  all(options?: { after?: bigint | undefined }): AsyncIterable<{ manifest: Manifest; role: Role }>;
  /** Like {@link all} without the manifests, which is cheaper. */
  versions(options?: { after?: bigint | undefined }): AsyncIterable<StoredVersion>;
  /** Nothing happens unless `version` is the current one. */
  setRole(id: bigint, version: Version, role: Role): Promise<void>;
  /** Removes a cached copy (never a replica) at once. */
  dropCached(id: bigint): Promise<void>;

  /** Small facts of the layers above (peers, hints), durable when the promise resolves. Keys are sorted. */
  readonly facts: FactStore;
  stats(): StoreStats;
  close(): Promise<void>;
}

/** What a store says of a current version without reading its manifest. */
export interface StoredVersion {
  readonly id: bigint;
  readonly version: Version;
  readonly tombstone: boolean;
  readonly role: Role;
  readonly size: number;
}

export interface BlockWriter {
  /**
   * Stores block `index`; `bytes` must not change until it resolves. Large blocks are on their way to the disk then, small
   * ones are held for `commit`, which makes all of them durable. Blocks may be written in any order and several at once,
   * which then share their syncs. MURKY_STORE_FULL or MURKY_DISK_FULL leave nothing behind.
   */
  write(index: number, bytes: Uint8Array): Promise<void>;
  /**
   * Makes the version visible, durable when it resolves. The manifest's blocks must all have been written. If a newer
   * version (or the same) is already current it stays so: the answer is 'superseded' ('already'). A superseded replica
   * is kept as an overwritten version, as if it had come first; else the blocks go.
   * A cached copy that is committed again as a replica becomes one. The same version with a damaged manifest, and
   * whatever has a damaged record, is replaced. After MURKY_DISK_FULL the version may turn out to be there, whole, once
   * the disk has room again. MURKY_ID_TAKEN if the id belongs to another key.
   */
  commit(manifest: Manifest, role: Role): Promise<'committed' | 'superseded' | 'already'>;
  /** Reads back a block of this writer before the commit; undefined if it is not there or damaged. */
  read(index: number): Promise<Uint8Array | undefined>;
  /** Forgets the blocks. Idempotent; nothing after a commit. */
  abort(): Promise<void>;
}

/** A {@link BlockWriter} whose blocks outlast it, and from time to time the process; but for small ones. */
export interface ResumableWriter extends BlockWriter {
  /** Whether block `index` is there; a damaged one only until it is read. */
  has(index: number): boolean;
  /** Ends it and leaves its blocks for a later {@link Store.resume}. Idempotent; nothing after a commit or an abort. */
  suspend(): Promise<void>;
}

export interface FactStore {
  get(key: string): Promise<Uint8Array | undefined>;
  put(key: string, value: Uint8Array): Promise<void>;
  delete(key: string): Promise<void>;
  entries(prefix: string): AsyncIterable<[key: string, value: Uint8Array]>;
}

export interface StoreStats {
  objects: number;
  tombstones: number;
  /** Bytes of block values by role of the version that holds them. */
  replicaBytes: number;
  cachedBytes: number;
  /** Blocks being written, or left by unfinished writes, and overwritten versions. */
  otherBytes: number;
  maxBytes: number;
}
