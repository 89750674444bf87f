import type { Clock } from '../seam/clock.js';

/** Bounds the memory; beyond it the reader that has waited longest for its next block loses its lease. */
const MAX_LEASES = 16384;

/**
 * Who reads across several calls is told from its last call: a version of which a block was read less than
 * `leaseMs` ago is taken to be still in use.
 */
export class ReadLeases {
  /** Slot → monotonic time of the last read, oldest first. */
  readonly #reads = new Map<number, number>();

  constructor(
    private readonly clock: Clock,
    private readonly leaseMs: number,
  ) {}

  renew(slot: number): void {
    this.#reads.delete(slot);
    this.#reads.set(slot, this.clock.monotonic());
    for (const [oldest, at] of this.#reads) {
      if (this.#reads.size <= MAX_LEASES && !this.#expired(at)) break;
      this.#reads.delete(oldest);
    }
  }

  held(slot: number): boolean {
    const at = this.#reads.get(slot);
    return at !== undefined && !this.#expired(at);
  }

  #expired(at: number): boolean {
    return this.clock.monotonic() - at >= this.leaseMs;
  }
}
