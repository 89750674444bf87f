import type { FetchReport } from '../native/addon.js';
import type { Clock } from '../seam/clock.js';

/** max_blocks_wanted of the native engine. */
const MAX_BLOCKS = 256;
/** What a reader may have in front of it however short the paths are. */
const LEAST_BLOCKS = 12;
/** Asking the loop is a round trip to its thread. */
const LOOK_EVERY_MS = 20;
/** A block that lost symbols takes the memory of a second one while it is decoded; few do so at a time. */
const MOST_HELD = 4 / 3;

export interface LookAheadOptions {
  /** What the blocks may have together. */
  readonly maxBytes: number;
  /** Of the largest block. */
  readonly blockBytes: number;
  readonly maxBlocks?: number | undefined;
  /** Undefined while there is no fetch to ask. */
  readonly report: () => Pick<FetchReport, 'lookAheadBytes' | 'decoderBytes'> | undefined;
  /** Blocks that are decoded and not yet taken. */
  readonly wholeBlocks: () => number;
  readonly clock: Clock;
}

/**
 * How many blocks a fetch wants at a time, from the one that its reader takes next: as many as keep all its paths busy,
 * within its memory. A reader that is slow holds up the fetch, not the memory.
 */
export class LookAhead {
  readonly #most: number;
  #needed = LEAST_BLOCKS;
  #within = Number.POSITIVE_INFINITY;
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: LookAheadOptions) {
    const { maxBytes, blockBytes, maxBlocks = MAX_BLOCKS } = options;
    this.#most = Math.max(1, Math.min(MAX_BLOCKS, maxBlocks, Math.floor(maxBytes / blockBytes)));
  }

  /** `wanted`: blocks that are wanted now and not yet taken. `besides`: as many more as the paths need, within the memory. */
  blocks(wanted: number, besides = 0): number {
    this.#look(wanted);
    return Math.max(1, Math.min(this.#most, this.#needed + besides, this.#within));
  }

  #look(wanted: number): void {
    const { clock, blockBytes, maxBytes, wholeBlocks } = this.options;
    const now = clock.monotonic();
    if (now - this.#lookedMs < LOOK_EVERY_MS) return;
    const report = this.options.report();
    if (report === undefined) return;
    this.#lookedMs = now;
    this.#needed = Math.max(LEAST_BLOCKS, Math.ceil(report.lookAheadBytes / blockBytes));
    // What is held, with a block for each that is wanted besides, stays within the memory.
    const held = report.decoderBytes + wholeBlocks() * blockBytes;
    this.#within = wanted + Math.floor((maxBytes * MOST_HELD - held) / blockBytes);
  }
}
