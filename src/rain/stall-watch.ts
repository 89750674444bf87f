import type { Clock } from '../seam/clock.js';

const MAX_INTERVAL_MS = 500;
const LOOKS_PER_TIMEOUT = 10;

export interface StallEvents {
  /** True while nothing is asked for: the reader is slow, not the servers. */
  idle(): boolean;
  /** A number that grows whenever something useful has come. */
  progress(): number;
  stalled(forMs: number): void;
}

/** Says once when a fetch has had no progress for `timeoutMs` although something was asked for. */
export class StallWatch {
  #seen = 0;
  #since: number;
  #cancel: () => void;

  constructor(
    private readonly clock: Clock,
    private readonly timeoutMs: number,
    private readonly events: StallEvents,
  ) {
    this.#since = clock.monotonic();
    this.#cancel = this.#again();
  }

  stop(): void {
    this.#cancel();
  }

  #again(): () => void {
    return this.clock.after(Math.min(MAX_INTERVAL_MS, this.timeoutMs / LOOKS_PER_TIMEOUT), () => this.#look());
  }

  #look(): void {
    const now = this.clock.monotonic();
    const progress = this.events.progress();
    if (progress !== this.#seen || this.events.idle()) {
      this.#seen = progress;
      this.#since = now;
    }
    if (now - this.#since < this.timeoutMs) this.#cancel = this.#again();
    else this.events.stalled(Math.round(now - this.#since));
  }
}
