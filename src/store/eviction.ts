import type { FrequencySketch } from './frequency-sketch.js';

/**
 * Which cached copies leave: W-TinyLFU (Einziger, Friedman and Manes, ACM ToS 2017), by bytes. A copy comes into the
 * window, a small queue in order of use. What has been unused there for longest meets a copy of the main queue, of those
 * that have been unused for longest the one that was used least often: the one of the two that was used less often goes,
 * and at a tie the newcomer. So what is used once, as in a scan, passes through the window and leaves the main queue
 * alone.
 */

/** The window's share of the bytes of cached copies. */
export const WINDOW_SHARE = 1 / 64;
/** Of so many copies of the main queue the least often used is the one that may go. */
const SAMPLE_COPIES = 64;

export interface Copy {
  readonly id: bigint;
  readonly size: number;
}

/** A place in a queue. */
export interface Entry {
  readonly id: bigint;
}

export interface Queues<E extends Entry, C extends Copy> {
  /** Longest unused first. */
  readonly window: AsyncIterator<E>;
  readonly main: AsyncIterator<E>;
  /** How many bytes more than its share the window holds. */
  readonly windowSurplus: number;
  /** What has this place; undefined if there is nothing, or it is in use and must not leave. */
  readonly copy: (entry: E) => Promise<C | undefined>;
}

export interface Choice<C extends Copy> {
  /** They go. */
  readonly evict: readonly C[];
  /** They have earned a place in the main queue. */
  readonly promote: readonly C[];
}

/** Chooses copies of at least `bytes` together, as far as there are so many. */
export async function chooseCopies<E extends Entry, C extends Copy>(
  bytes: number,
  queues: Queues<E, C>,
  frequency: FrequencySketch,
): Promise<Choice<C>> {
  const evict: C[] = [];
  const promote: C[] = [];
  const window = new Contenders(queues.window, queues.copy, frequency, 1);
  const main = new Contenders(queues.main, queues.copy, frequency, SAMPLE_COPIES);
  let { windowSurplus } = queues;
  for (let missing = bytes; missing > 0; ) {
    const victim = await main.weakest();
    const candidate = windowSurplus > 0 || !victim ? await window.weakest() : undefined;
    const stronger = candidate && victim && frequency.count(candidate.id) > frequency.count(victim.id);
    const goes = stronger ? victim : (candidate ?? victim);
    if (!goes) break;
    evict.push(goes);
    missing -= goes.size;
    if (goes === victim) main.pass();
    if (candidate) {
      window.pass();
      windowSurplus -= candidate.size;
      if (stronger) promote.push(candidate);
    }
  }
  return { evict, promote };
}

/** The front of a queue, from which the least often used is taken, the longest unused of equals. */
class Contenders<E extends Entry, C extends Copy> {
  readonly #entries: E[] = [];
  #weakest: C | undefined;

  constructor(
    private readonly queue: AsyncIterator<E>,
    private readonly copy: (entry: E) => Promise<C | undefined>,
    private readonly frequency: FrequencySketch,
    private readonly most: number,
  ) {}

  /** The same one until `pass`; undefined if there is none left. */
  async weakest(): Promise<C | undefined> {
    while (!this.#weakest) {
      while (this.#entries.length < this.most) {
        const { done, value } = await this.queue.next();
        if (done) break;
        this.#entries.push(value);
      }
      if (this.#entries.length === 0) return undefined;
      const counts = this.#entries.map(({ id }) => this.frequency.count(id));
      const [entry] = this.#entries.splice(counts.indexOf(Math.min(...counts)), 1);
      this.#weakest = await this.copy(entry!);
    }
    return this.#weakest;
  }

  pass(): void {
    this.#weakest = undefined;
  }
}
