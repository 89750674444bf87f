import type { Clock } from '../seam/clock.js';

/** max_blocks_wanted of the native engine. */
const MAX_BLOCKS = 256;
/** What a reader may have in front of it however short the paths are. */
const LEAST_BLOCKS = 12;
/** Asking the loop is a round trip to its thread. */
const LOOK_EVERY_MS = 20;

export interface LookAheadOptions {
  /** What the blocks may have together. */
  readonly maxBytes: number;
  /** Of the largest block. */
  readonly blockBytes: number;
  readonly maxBlocks?: number | undefined;
  /** FetchReport's lookAheadBytes; undefined while there is no fetch to ask. */
  readonly neededBytes: () => number | undefined;
  readonly clock: Clock;
}

/**
 * How many blocks a fetch wants at a time, from the one that its reader takes next: as many as keep all its paths busy,
 * within its memory. A reader that is slow holds up the fetch, not the memory.
 */
export class LookAhead {
  readonly #most: number;
  #blocks: number;
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: LookAheadOptions) {
    const { maxBytes, blockBytes, maxBlocks = MAX_BLOCKS } = options;
    this.#most = Math.max(1, Math.min(MAX_BLOCKS, maxBlocks, Math.floor(maxBytes / blockBytes)));
    this.#blocks = Math.min(LEAST_BLOCKS, this.#most);
  }

  /** `besides`: as many more, within the memory. */
  blocks(besides = 0): number {
    return Math.min(this.#most, this.#forPaths() + besides);
  }

  #forPaths(): number {
    const { clock, neededBytes, blockBytes } = this.options;
    const now = clock.monotonic();
    if (this.#most <= LEAST_BLOCKS || now - this.#lookedMs < LOOK_EVERY_MS) return this.#blocks;
    const needed = neededBytes();
    if (needed === undefined) return this.#blocks;
    this.#lookedMs = now;
    this.#blocks = Math.min(this.#most, Math.max(LEAST_BLOCKS, Math.ceil(needed / blockBytes)));
    return this.#blocks;
  }
}
