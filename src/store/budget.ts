import type { Role } from './contract.js';

/** Whose bytes they are; 'other' are blocks being written, and versions that are overwritten or being removed. */
export type Account = Role | 'other';

/** Exact count of the bytes of block values and of the objects here. Not a byte is written before it is reserved. */
export class Budget {
  readonly #bytes: Record<Account, number> = { replica: 0, cached: 0, other: 0 };
  objects = 0;
  tombstones = 0;

  constructor(readonly maxBytes: number) {}

  bytes(account: Account): number {
    return this.#bytes[account];
  }

  get usedBytes(): number {
    return this.#bytes.replica + this.#bytes.cached + this.#bytes.other;
  }

  /** Takes `bytes` for blocks to be written; false, and nothing taken, if they do not fit. */
  reserve(bytes: number): boolean {
    if (this.usedBytes + bytes > this.maxBytes) return false;
    this.#bytes.other += bytes;
    return true;
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

  reset(): void {
    for (const account of ['replica', 'cached', 'other'] as const) this.#bytes[account] = 0;
    this.objects = 0;
    this.tombstones = 0;
  }
}
