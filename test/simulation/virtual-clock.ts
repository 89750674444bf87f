import type { Clock } from '../../src/seam/clock.js';
import type { Random } from '../../src/seam/random.js';

/** 2026-01-01: a wall clock that starts at 0 would hide mistakes with versions. */
export const EPOCH_MS = 1_767_225_600_000;

interface Timer {
  readonly at: number;
  /** Of two timers at the same time the one that was set first runs first. */
  readonly order: number;
  run: (() => void) | undefined;
}

/** One time for all simulated nodes. It moves only in {@link run} and {@link until}. */
export class VirtualTime {
  #now = 0;
  #set = 0;
  /** Turns of the event loop that are waited for: time that moves within what time is moving for asks for one. */
  #turns = 0;
  /** A binary heap: no timer is due before the one in the middle between it and the root. */
  readonly #timers: Timer[] = [];

  get now(): number {
    return this.#now;
  }

  /** Timers that have been set since the beginning: how much has happened. */
  get events(): number {
    return this.#set;
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
    const timer: Timer = { at: this.#now + Math.max(0, delayMs), order: this.#set++, run };
    this.#push(timer);
    return () => {
      timer.run = undefined;
    };
  }

  async run(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.#turn();
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
    await this.#turn();
    while (!settled) {
      if (!(await this.#step(end))) throw new Error(`Nothing came of it within ${limitMs} virtual ms.`);
    }
    return work;
  }

  async #turn(): Promise<void> {
    this.#turns++;
    await idle();
    this.#turns--;
  }

  /** Runs the next timer up to `end`, and all that follows from it at once; false if there is none. */
  async #step(end: number): Promise<boolean> {
    let next = this.#timers[0];
    while (next && !next.run) {
      this.#pop();
      next = this.#timers[0];
    }
    if (!next?.run || next.at > end) return false;
    this.#pop();
    this.#now = next.at;
    next.run();
    await (this.#turns > 0 ? idle() : drained());
    return true;
  }

  #push(timer: Timer): void {
    const heap = this.#timers;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above]!;
      if (!isBefore(timer, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = timer;
  }

  /** Removes the root. */
  #pop(): void {
    const heap = this.#timers;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below += 1;
      if (!isBefore(heap[below]!, last)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/**
 * Resolves when no promise is ready to run on. Node runs what was put off by nextTick when the queue of microtasks is
 * empty, which costs a tenth of a turn of the event loop; nothing that is simulated waits for the world outside.
 */
function drained(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** A turn of the event loop: what waits for the world outside goes on, and rejections that nobody handles are told. */
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
