import type { Clock } from '../../src/seam/clock.js';

/** A clock that stands still until it is told to move. Wall and monotonic time may be moved apart. */
export class ManualClock implements Clock {
  #wallMs = 1_700_000_000_000;
  #monotonicMs = 0;
  readonly #timers = new Set<{ atMs: number; run: () => void }>();

  now(): number {
    return this.#wallMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#monotonicMs + delayMs, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that wait for their time. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Steps the wall clock alone. */
  stepWall(ms: number): void {
    this.#wallMs += ms;
  }

  advance(ms: number): void {
    this.#wallMs += ms;
    this.#monotonicMs += ms;
    for (const timer of [...this.#timers]) {
      if (timer.atMs <= this.#monotonicMs && this.#timers.delete(timer)) timer.run();
    }
  }
}
