import type { Member } from '../peers.js';

/** So many of the members at a time, each in its turn. */
export class Turns {
  #last = 0n;

  next(members: readonly Member[], limit: number): Member[] {
    const all = [...members].sort((a, b) => (a.id < b.id ? -1 : 1));
    const from = Math.max(
      0,
      all.findIndex(({ id }) => id > this.#last),
    );
    const next = [...all.slice(from), ...all.slice(0, from)].slice(0, limit);
    this.#last = next.at(-1)?.id ?? 0n;
    return next;
  }
}
