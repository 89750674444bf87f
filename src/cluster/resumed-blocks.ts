import { blockCount, type Manifest } from '../object/manifest.js';
import type { BlockFetch, FetchedBlock } from '../rain/contract.js';
import type { ResumableWriter } from '../store/contract.js';

export interface GotBlock extends FetchedBlock {
  /** It was in the store already. */
  readonly kept: boolean;
}

/**
 * The blocks of a version in order, verified: those that an unfinished write has left come from the store, the others from
 * other nodes, in one fetch for each row of missing ones. Whoever reads them writes the latter.
 */
export class ResumedBlocks {
  readonly #count: number;
  #next = 0;
  #fetch: { readonly blocks: AsyncIterator<FetchedBlock>; readonly end: number } | undefined;
  #closed = false;

  constructor(
    manifest: Manifest,
    private readonly writer: Pick<ResumableWriter, 'has' | 'read'>,
    /** Begins to fetch blocks `firstBlock` to `endBlock - 1`. */
    private readonly fetch: (range: { firstBlock: number; endBlock: number }) => BlockFetch,
  ) {
    this.#count = blockCount(manifest.size, manifest.blockBytes);
  }

  /** Undefined behind the last one, and once closed. */
  async next(): Promise<GotBlock | undefined> {
    if (this.#closed || this.#next === this.#count) return undefined;
    const index = this.#next;
    if (!this.#fetch) {
      const bytes = await this.#kept(index);
      if (this.#closed) return undefined;
      if (bytes) {
        this.#next++;
        return { index, bytes, kept: true };
      }
      const end = this.#endOfRow(index);
      this.#fetch = { blocks: this.fetch({ firstBlock: index, endBlock: end })[Symbol.asyncIterator](), end };
    }
    const { blocks, end } = this.#fetch;
    const { value } = await blocks.next();
    if (!value) {
      if (this.#closed) return undefined;
      throw new Error(`A fetch ended at block ${index} of ${this.#count}.`);
    }
    if (++this.#next === end) await this.#endFetch();
    return { ...value, index, kept: false };
  }

  /** Ends the fetch that runs, if one does, also while a block is being waited for. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#endFetch();
  }

  async #kept(index: number): Promise<Uint8Array | undefined> {
    if (!this.writer.has(index)) return undefined;
    return await this.writer.read(index).catch(() => undefined); // then it is fetched
  }

  #endOfRow(first: number): number {
    let end = first + 1;
    while (end < this.#count && !this.writer.has(end)) end++;
    return end;
  }

  async #endFetch(): Promise<void> {
    const fetch = this.#fetch;
    this.#fetch = undefined;
    await fetch?.blocks.return?.();
  }
}
