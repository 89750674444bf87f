import type { HeldBlock } from '../native/addon.js';
import type { Clock } from '../seam/clock.js';

/** Blocks that come at least so fast, 4 Gbit/s, wait for each other: there the processor is what is short. */
const FAST_BYTES_PER_MS = 500_000;
/** Fewer are hashed one by one, on several threads: side by side they take as long as this many. */
const LEAST_TOGETHER = 8;

export interface BlockHashesOptions {
  readonly clock: Clock;
  /** How many blocks are best hashed together; 1: each alone. */
  readonly lanes: number;
}

interface Waiting {
  readonly block: HeldBlock;
  readonly settle: (hash: Promise<Uint8Array>) => void;
}

/**
 * Hashes the blocks of one fetch: each at once, unless they come so fast that it soon has as many as are hashed together
 * in less than half the time.
 */
export class BlockHashes {
  /** When the last blocks came, as many as are hashed together. */
  readonly #cameMs: number[] = [];
  #fast = false;
  #waiting: Waiting[] = [];
  #cancel: () => void = () => {};

  constructor(private readonly options: BlockHashesOptions) {}

  /** How many blocks more than otherwise are to be under way: those that wait here, and those that are being hashed. */
  get room(): number {
    return this.#fast ? 2 * this.options.lanes : 0;
  }

  /** `underWay`: blocks that were asked for and are not here yet; they come whatever the reader does. */
  hash(block: HeldBlock, underWay: number): Promise<Uint8Array> {
    const { clock, lanes } = this.options;
    const { length } = block;
    const patienceMs = (lanes * length) / FAST_BYTES_PER_MS;
    this.#fast = lanes >= LEAST_TOGETHER && this.#span(clock.monotonic()) <= patienceMs;
    if (this.#waiting[0] && this.#waiting[0].block.length !== length) this.flush();
    const missing = lanes - this.#waiting.length - 1;
    const worthIt = this.#fast && underWay >= missing;
    if (!worthIt && this.#waiting.length === 0) return block.sha256();
    if (this.#waiting.length === 0) this.#cancel = clock.after(patienceMs, () => this.flush());
    const hash = new Promise<Uint8Array>((settle) => {
      this.#waiting.push({ block, settle });
    });
    if (!worthIt || missing === 0) this.flush();
    return hash;
  }

  /** No block waits any longer. */
  flush(): void {
    this.#cancel();
    const waiting = this.#waiting;
    this.#waiting = [];
    const [first, ...others] = waiting.map(({ block }) => block);
    if (first === undefined || waiting.length < LEAST_TOGETHER) {
      for (const { block, settle } of waiting) settle(block.sha256());
      return;
    }
    const hashes = first.sha256Together(others);
    for (const [at, { settle }] of waiting.entries()) settle(hashes.then((each) => each[at]!));
  }

  /** In how many milliseconds the last `lanes` blocks came, with the one that is here now. */
  #span(nowMs: number): number {
    this.#cameMs.push(nowMs);
    if (this.#cameMs.length <= this.options.lanes) return Number.POSITIVE_INFINITY;
    return nowMs - this.#cameMs.shift()!;
  }
}
