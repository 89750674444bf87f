import { type Clock, sleep } from '../../seam/clock.js';

/** Spends at most so many units a second: what is spent keeps back whoever comes next. */
export class RateLimit {
  #freeAtMs = 0;

  constructor(
    private readonly perSecond: number,
    private readonly clock: Clock,
  ) {}

  /** Resolves when all before is paid for. Rejects with the signal's reason. */
  async spend(units: number, signal: AbortSignal): Promise<void> {
    const now = this.clock.monotonic();
    const from = Math.max(now, this.#freeAtMs);
    this.#freeAtMs = from + (1000 * units) / this.perSecond;
    if (from > now) await sleep(this.clock, from - now, signal);
  }

  /** Of what was moved already, or, below 0, paid for and not moved: whoever comes next waits so much longer or shorter. */
  book(units: number): void {
    this.#freeAtMs = Math.max(this.#freeAtMs, this.clock.monotonic()) + (1000 * units) / this.perSecond;
  }
}
