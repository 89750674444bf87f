import type { Clock } from '../../seam/clock.js';

const SLOTS = 30;

/** How much was counted lately, a second. */
export class RateWindow {
  readonly #counts = new Array<number>(SLOTS).fill(0);
  #slot = 0;
  #startedAtMs: number;

  constructor(
    private readonly clock: Clock,
    private readonly windowMs: number,
  ) {
    this.#startedAtMs = clock.monotonic();
    this.#slot = this.#now();
  }

  add(count: number): void {
    this.#advance();
    this.#counts[this.#slot % SLOTS]! += count;
  }

  perSecond(): number {
    this.#advance();
    const sum = this.#counts.reduce((total, count) => total + count, 0);
    const age = Math.min(this.windowMs, this.clock.monotonic() - this.#startedAtMs);
    return age > 0 ? (1000 * sum) / Math.max(age, this.windowMs / SLOTS) : 0;
  }

  #now(): number {
    return Math.floor((this.clock.monotonic() * SLOTS) / this.windowMs);
  }

  #advance(): void {
    const now = this.#now();
    for (let slot = Math.max(this.#slot + 1, now - SLOTS + 1); slot <= now; slot++) this.#counts[slot % SLOTS] = 0;
    this.#slot = now;
  }
}
