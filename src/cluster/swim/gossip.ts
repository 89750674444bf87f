/**
 * News that is still being passed on, each piece on the back of a bounded number of messages, those told least first
 * (SWIM, section 4.1). It is of ids only: what is told is what is held when it is told.
 */
export class Gossip {
  readonly #sent = new Map<bigint, number>();

  /** `members`: how many there are now. */
  constructor(private readonly members: () => number) {}

  /** There is news of this node; what was still to be told of it is replaced by it. */
  add(id: bigint): void {
    this.#sent.delete(id);
    this.#sent.set(id, 0);
  }

  forget(id: bigint): void {
    this.#sent.delete(id);
  }

  /** Nothing is left to be told. */
  get quiet(): boolean {
    return this.#sent.size === 0;
  }

  /** Up to `count` ids whose news goes with the next message; `sent` says how many of them did fit. */
  next(count: number): { readonly ids: readonly bigint[]; readonly sent: (fitting: number) => void } {
    const ids = [...this.#sent]
      .sort(([, a], [, b]) => a - b)
      .slice(0, count)
      .map(([id]) => id);
    return {
      ids,
      sent: (fitting) => {
        const limit = sendsOf(this.members());
        for (const id of ids.slice(0, fitting)) {
          const times = (this.#sent.get(id) ?? 0) + 1;
          if (times >= limit) this.#sent.delete(id);
          else this.#sent.set(id, times);
        }
      },
    };
  }
}

const SENDS_PER_DECADE = 4;

/** Each piece is told so often by each who hears of it: a multiple of log(n), with which it reaches all but surely. */
function sendsOf(members: number): number {
  return SENDS_PER_DECADE * Math.ceil(Math.log10(members + 2));
}
