import type { BlockTable } from './block-table.js';
import type { Budget } from './budget.js';
import type { Passage } from './paging.js';

const MIB = 2 ** 20;
/** Deleted bytes that may stay on the disk: these, or a quarter of what is stored, whichever is more. */
const MIN_DEAD_BYTES = 64 * MIB;
const MAX_DEAD_SHARE = 1 / 4;
/** Most that is rewritten in one go; closing the store waits for it. */
const STEP_BYTES = 128 * MIB;

/**
 * Gives the room of deleted blocks back to the disk. LevelDB does that by itself only where enough new data comes by;
 * after a large delete it would keep the bytes for as long as it is idle. The threshold bounds both the room that is
 * lost (with the budget it bounds the folder's size) and the copying: four live bytes for a dead one at worst.
 */
export class Compaction {
  /** Slots deleted from since the last compaction; everything, at first, because a crash forgets. */
  #from = 0;
  #to = Number.MAX_SAFE_INTEGER - 1;
  #freedBytes = MIN_DEAD_BYTES;

  constructor(
    private readonly blocks: BlockTable,
    private readonly budget: Budget,
  ) {}

  /** Notes that a slot's blocks have been deleted. */
  freed(slot: number, bytes: number): void {
    this.#from = Math.min(this.#from, slot);
    this.#to = Math.max(this.#to, slot);
    this.#freedBytes += bytes;
  }

  /** Compacts if there is enough to gain. A new slot is never in the range, so writers are not in its way. */
  async run(passage: Passage): Promise<void> {
    if (this.#freedBytes < MIN_DEAD_BYTES) return;
    const [from, to] = [this.#from, this.#to];
    const worthwhile = await passage(async () => {
      const dead = (await this.blocks.approximateBytes(0, Number.MAX_SAFE_INTEGER)) - this.budget.usedBytes;
      return dead > Math.max(MIN_DEAD_BYTES, this.budget.usedBytes * MAX_DEAD_SHARE);
    });
    if (!worthwhile) return;
    this.#from = Number.MAX_SAFE_INTEGER;
    this.#to = 0;
    this.#freedBytes = 0;
    for (let at = from; at <= to; ) {
      const end = await passage(() => this.#stepEnd(at, to + 1));
      await passage(() => this.blocks.compact(at, end));
      at = end;
    }
  }

  /** The end of a range from `at` on that holds little enough for one step, or one slot. */
  async #stepEnd(at: number, limit: number): Promise<number> {
    let end = limit;
    while (end > at + 1 && (await this.blocks.approximateBytes(at, end)) > STEP_BYTES) {
      end = at + Math.ceil((end - at) / 2);
    }
    return end;
  }
}
