import type { Location } from './block-record.js';

interface Lent {
  readonly offset: number;
  readonly ended: Promise<unknown>;
}

/** Records of the log that others than the log read from its files just now: their bytes are not to be cut off. */
export class LentRecords {
  readonly #lent = new Map<number, Set<Lent>>();

  /** The record is lent until `work` ends. */
  async lend<T>({ segment, offset }: Location, work: () => Promise<T>): Promise<T> {
    const running = work();
    const lent: Lent = { offset, ended: running.catch(() => {}) };
    const ofSegment = this.#lent.get(segment) ?? new Set();
    this.#lent.set(segment, ofSegment.add(lent));
    try {
      return await running;
    } finally {
      ofSegment.delete(lent);
      if (ofSegment.size === 0) this.#lent.delete(segment);
    }
  }

  /** Resolves when those that are lent now, and lie behind byte `from` of the segment, have come back. */
  async returned(segment: number, from: number): Promise<void> {
    const behind = [...(this.#lent.get(segment) ?? [])].filter(({ offset }) => offset >= from);
    await Promise.all(behind.map(({ ended }) => ended));
  }
}
