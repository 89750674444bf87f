import type { Clock } from '../seam/clock.js';
import type { Log } from '../seam/log.js';

const LOOK_EVERY_MS = 10_000;
const TOLD_FOR_MS = 60_000;

/**
 * Watches for datagrams that this node's cluster key does not open. Whoever sends them gets no answer and hears nothing of
 * it, so that a wrong key looks like a dead network; this node is the only one that can tell.
 */
export class Unopened {
  #count = 0;
  #seenAtMs = Number.NEGATIVE_INFINITY;
  #told = false;
  #stop = () => {};

  constructor(
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly counters: () => Record<string, number>,
    private readonly sealed: boolean,
  ) {}

  start(): void {
    this.#stop = this.clock.after(LOOK_EVERY_MS, () => {
      this.#look();
      this.start();
    });
  }

  close(): void {
    this.#stop();
  }

  /** One sentence while such datagrams come, and for a minute afterwards. */
  warning(): string | undefined {
    this.#look();
    return this.clock.monotonic() - this.#seenAtMs < TOLD_FOR_MS ? this.#sentence : undefined;
  }

  get #sentence(): string {
    return this.sealed
      ? 'Datagrams come in that the cluster key of this node does not open: who sends them has another key, or none.'
      : 'Datagrams come in that are sealed, and this node has no cluster key: who sends them has one.';
  }

  #look(): void {
    const { droppedForged = 0, droppedScheme = 0 } = this.counters();
    const count = droppedForged + droppedScheme;
    if (count === this.#count) return;
    this.#count = count;
    this.#seenAtMs = this.clock.monotonic();
    if (!this.#told) this.log.warn({}, this.#sentence);
    this.#told = true;
  }
}
