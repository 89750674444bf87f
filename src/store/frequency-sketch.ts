/** 4-bit counters, two a byte: more than this would need more bits than they tell. */
const MAX_COUNT = 15;
const ROWS = 4;
/** Counters of a row. All rows together are 512 KiB, enough to tell some hundred thousand objects apart. */
const ROW_COUNTERS = 2 ** 18;

export const SKETCH_BYTES = (ROWS * ROW_COUNTERS) / 2;

/**
 * How often ids were used lately, in constant memory: a count-min sketch (Cormode and Muthukrishnan 2005) with
 * conservative update, whose counters are halved from time to time, as TinyLFU does it (Einziger, Friedman and Manes,
 * ACM ToS 2017). It also knows what is not here any more, which is what makes a newcomer comparable.
 */
export class FrequencySketch {
  readonly #counters = new Uint8Array(SKETCH_BYTES);
  readonly #at = new Uint32Array(ROWS);

  add(id: bigint): void {
    const count = this.#find(id);
    if (count === MAX_COUNT) return;
    for (const at of this.#at) if (this.#get(at) === count) this.#counters[at >> 1]! += 1 << ((at & 1) * 4);
  }

  /** 0 to 15; too high where others share all its counters, never too low. */
  count(id: bigint): number {
    return this.#find(id);
  }

  halve(): void {
    for (let i = 0; i < this.#counters.length; i++) this.#counters[i] = (this.#counters[i]! >> 1) & 0x77;
  }

  /** The counters as they are, SKETCH_BYTES of them. */
  save(): Uint8Array {
    return Uint8Array.from(this.#counters);
  }

  /** What `save` gave; anything of another length is left alone. */
  load(saved: Uint8Array): void {
    if (saved.length === SKETCH_BYTES) this.#counters.set(saved);
  }

  /** Sets #at to the counters of the id, one in each row; their least value. */
  #find(id: bigint): number {
    let hash = spread(Number(id & 0xffffffffn), Number(id >> 32n));
    let least = MAX_COUNT;
    for (let row = 0; row < ROWS; row++) {
      const at = row * ROW_COUNTERS + (hash & (ROW_COUNTERS - 1));
      this.#at[row] = at;
      least = Math.min(least, this.#get(at));
      hash = spread(hash, row + 1);
    }
    return least;
  }

  #get(at: number): number {
    return (this.#counters[at >> 1]! >> ((at & 1) * 4)) & MAX_COUNT;
  }
}

/** Ids that are numbers follow one another: their bits are mixed first (the finalizer of MurmurHash3). */
function spread(low: number, high: number): number {
  let h = low ^ Math.imul(high ^ (high >>> 16), 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
