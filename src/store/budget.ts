import type { Role } from './contract.js';

/** Whose bytes they are; 'other' are blocks being written. */
export type Account = Role | 'overwritten' | 'other';

/**
 * Exact count of the bytes of block values, of what they take on the disk, and of the objects here. Not a byte is
 * written before it is reserved. On the disk are blocks with their headers, dead or not, and values in the index.
 */
export class Budget {
  readonly #bytes: Record<Account, number> = { replica: 0, cached: 0, overwritten: 0, other: 0 };
  #diskBytes = 0;
  #deadBytes = 0;
  objects = 0;
  tombstones = 0;

  #asideBytes = 0;

  constructor(readonly limitBytes: number) {}

  /** What values may take: the limit, without what is set aside for other things. */
  get maxBytes(): number {
    return this.limitBytes - this.#asideBytes;
  }

  setAside(bytes: number): void {
    this.#asideBytes = bytes;
  }

  bytes(account: Account): number {
    return this.#bytes[account];
  }

  /** What is on the disk, or is being written. */
  get diskBytes(): number {
    return this.#diskBytes;
  }

  /** What is on the disk and of no use: it goes when its segment is reclaimed. */
  get deadBytes(): number {
    return this.#deadBytes;
  }

  get liveBytes(): number {
    return this.#diskBytes - this.#deadBytes;
  }

  /** Takes `onDisk` for a block of `bytes` to be written; false, and nothing taken, if that leaves less than `spare`. */
  reserve(bytes: number, onDisk: number, spare = 0): boolean {
    if (this.#diskBytes + onDisk + spare > this.maxBytes) return false;
    this.#diskBytes += onDisk;
    this.#bytes.other += bytes;
    return true;
  }

  /** For a record that is copied to free more than it takes: one may exceed the budget while it is copied. */
  reserveCopy(onDisk: number): void {
    this.#diskBytes += onDisk;
  }

  /** Bytes that were reserved, or were in the index, are not on the disk. */
  unreserve(onDisk: number): void {
    this.#diskBytes -= onDisk;
  }

  bury(onDisk: number): void {
    this.#deadBytes += onDisk;
  }

  unbury(onDisk: number): void {
    this.#deadBytes -= onDisk;
    this.#diskBytes -= onDisk;
  }

  release(bytes: number, from: Account): void {
    this.#bytes[from] -= bytes;
  }

  move(bytes: number, from: Account, to: Account): void {
    this.#bytes[from] -= bytes;
    this.#bytes[to] += bytes;
  }

  /** A current version comes (1) or goes (-1). */
  count(version: { readonly tombstone: boolean }, change: 1 | -1): void {
    if (version.tombstone) this.tombstones += change;
    else this.objects += change;
  }

  /** Counts what recovery finds. */
  found(bytes: number, account: Account): void {
    this.#bytes[account] += bytes;
  }

  foundOnDisk(bytes: number, dead: number): void {
    this.#diskBytes += bytes;
    this.#deadBytes += dead;
  }

  reset(): void {
    for (const account of ['replica', 'cached', 'overwritten', 'other'] as const) this.#bytes[account] = 0;
    this.#diskBytes = 0;
    this.#deadBytes = 0;
    this.objects = 0;
    this.tombstones = 0;
  }
}
