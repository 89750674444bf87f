import type { Clock } from '../seam/clock.js';
import type { Version } from './version.js';

/**
 * Hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", OPODIS 2014): wall-clock milliseconds with a
 * counter behind them, so that what follows something in cause is never older than it, whatever the wall clocks say.
 */
export class HybridClock {
  #last = 0n;

  constructor(
    private readonly clock: Clock,
    private readonly node: bigint,
  ) {}

  /** A version newer than every version that this clock has given out or observed. */
  next(): Version {
    const wall = BigInt(Math.max(0, Math.floor(this.clock.now()))) << 16n;
    this.#last = wall > this.#last ? wall : this.#last + 1n;
    return { time: this.#last, node: this.node };
  }

  /** Takes note of a version seen elsewhere. */
  observe(version: Version): void {
    if (version.time > this.#last) this.#last = version.time;
  }
}
