import type { Clock } from '../../src/seam/clock.js';
import type { Random } from '../../src/seam/random.js';

/** 2026-01-01: a wall clock that starts at 0 would hide mistakes with versions. */
const EPOCH_MS = 1_767_225_600_000;

interface Timer {
  readonly at: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** One time for all simulated nodes. It moves only in {@link run} and {@link until}. */
export class VirtualTime {
  #now = 0;
  /** The latest first; of two at the same time the one that was set first runs first. */
  readonly #timers: Timer[] = [];

  get now(): number {
    return this.#now;
  }

  /** A node's clock; its wall clock is `skewMs` ahead. */
  clock(skewMs = 0): Clock {
    return {
      now: () => EPOCH_MS + this.#now + skewMs,
      monotonic: () => this.#now,
      after: (delayMs, run) => this.after(delayMs, run),
    };
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, delayMs), run, cancelled: false };
    let low = 0;
    for (let high = this.#timers.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (this.#timers[middle]!.at > timer.at) low = middle + 1;
      else high = middle;
    }
    this.#timers.splice(low, 0, timer);
    return () => {
      timer.cancelled = true;
    };
  }

  async run(ms: number): Promise<void> {
    const end = this.#now + ms;
    while (await this.#step(end));
    this.#now = end;
  }

  /** Lets time pass until `work` has settled, and gives its result; fails if that takes more than `limitMs`. */
  async until<T>(work: Promise<T>, limitMs = 120_000): Promise<T> {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    work.then(mark, mark);
    const end = this.#now + limitMs;
    await idle();
    while (!settled) {
      if (!(await this.#step(end))) throw new Error(`Nothing came of it within ${limitMs} virtual ms.`);
    }
    return work;
  }

  /** Runs the next timer up to `end`; false if there is none. */
  async #step(end: number): Promise<boolean> {
    await idle();
    while (this.#timers.at(-1)?.cancelled) this.#timers.pop();
    const next = this.#timers.at(-1);
    if (!next || next.at > end) return false;
    this.#timers.pop();
    this.#now = next.at;
    next.run();
    await idle();
    return true;
  }
}

/** Lets every promise that is ready run on. */
function idle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** mulberry32: small, seeded, good enough to shuffle and to lose datagrams. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const unit = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const word = () => BigInt(Math.floor(unit() * 2 ** 32));
  return { unit, bits64: () => (word() << 32n) | word() };
}
