import type { HeldBlock } from '../native/addon.js';
import type { Clock } from '../seam/clock.js';

/** Blocks that come at least so fast, 4 Gbit/s, wait for each other: there the processor is what is short. */
const FAST_BYTES_PER_MS = 500_000;
/** Fewer are hashed one by one, on several threads: side by side they take as long as this many. */
const LEAST_TOGETHER = 8;

/** Once they are thought to come fast, they are until they take so many times longer: a fetch comes in gusts. */
const SLOW_AFTER = 2;
/** Behind blocks that were hashed, before it is looked at how many are under way: their reader may have asked for more. */
const LOOK_AFTER_MS = 1;

export interface BlockHashesOptions {
  readonly clock: Clock;
  /** How many blocks are best hashed together; 1: each alone. */
  readonly lanes: number;
  /** Blocks that were asked for and are not here yet; they come whatever the reader does. */
  readonly underWay: () => number;
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
  /** How many times several are being hashed together. */
  #together = 0;
  #cancel: () => void = () => {};

  constructor(private readonly options: BlockHashesOptions) {}

  /** How many blocks more than otherwise are to be under way, for those that are being hashed: twice as many were no faster. */
  get room(): number {
    return this.#fast ? this.options.lanes : 0;
  }

  hash(block: HeldBlock): Promise<Uint8Array> {
    const { clock, lanes } = this.options;
    const { length } = block;
    const patienceMs = (lanes * length) / FAST_BYTES_PER_MS;
    const spanMs = this.#span(clock.monotonic());
    this.#fast = lanes >= LEAST_TOGETHER && spanMs <= (this.#fast ? SLOW_AFTER : 1) * patienceMs;
    if (this.#waiting[0] && this.#waiting[0].block.length !== length) this.flush();
    if (this.#waiting.length === 0) {
      if (!this.#fast || !this.#enough(lanes - 1)) return block.sha256();
      this.#cancel = clock.after(patienceMs, () => this.flush());
    }
    const hash = new Promise<Uint8Array>((settle) => {
      this.#waiting.push({ block, settle });
    });
    if (!this.#fast) this.flush();
    else this.#look();
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
    this.#together++;
    const done = () => {
      this.#together--;
      if (this.#waiting.length > 0) this.options.clock.after(LOOK_AFTER_MS, () => this.#look());
    };
    hashes.then(done, done);
    for (const [at, { settle }] of waiting.entries()) settle(hashes.then((each) => each[at]!));
  }

  #look(): void {
    if (!this.#enough(this.options.lanes - this.#waiting.length)) this.flush();
  }

  /** Whether so many more will come. While blocks are being hashed the reader cannot ask for others in their place. */
  #enough(missing: number): boolean {
    return missing > 0 && (this.#together > 0 || this.options.underWay() >= missing);
  }

  /** In how many milliseconds the last `lanes` blocks came, with the one that is here now. */
  #span(nowMs: number): number {
    this.#cameMs.push(nowMs);
    if (this.#cameMs.length <= this.options.lanes) return Number.POSITIVE_INFINITY;
    return nowMs - this.#cameMs.shift()!;
  }
}
