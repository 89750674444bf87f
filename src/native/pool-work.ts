/** What the addon does with bytes and files for the store, most of it on threads of Node's pool. */
export interface PoolWork {
  /** SHA-256 by OpenSSL on a thread of Node's pool; the memory must stay as it is until then. */
  sha256InPool(bytes: Uint8Array): Promise<Uint8Array>;
  /** Of 1 to `sha256Streams` arrays of one length, by turns on one thread of the pool; only where that is more than 1. */
  sha256Together(arrays: readonly Uint8Array[]): Promise<Uint8Array[]>;
  /** How many arrays are hashed together at most; 1 where this processor gains nothing by it. */
  sha256Streams(): number;
  /** CRC-32 as zlib's; not there where the CPU has nothing that zlib does not use. */
  crc32?(bytes: Uint8Array): number;
  /** On a thread of Node's pool; `holes` are offset and bytes in turn. False where the file system has no holes. */
  punchHoles(descriptor: number, holes: readonly number[]): Promise<boolean>;
  /**
   * Writes the parts one behind the other, on a thread of Node's pool. `next`: 0 nothing, 1 the disk begins with them, 2
   * they survive a power cut when it resolves (fdatasync). 0, or what errno says; a part may be written then. `headers`:
   * which parts are headers of records of the block log that get their sums first, where there is `crc32`.
   */
  writeParts(
    descriptor: number,
    parts: readonly Uint8Array[],
    offset: number,
    next: 0 | 1 | 2,
    headers: readonly number[],
  ): Promise<number>;
}
