import type { CachePolicy } from './policy.js';

const dropOldest = (queue: Set<number>): number => {
  const key: number = queue.values().next().value!;
  queue.delete(key);
  return key;
};

/** ARC (Megiddo and Modha, FAST '03, figure 4): t1 and t2 are here, b1 and b2 are keys alone. */
export class Arc implements CachePolicy {
  readonly name = 'ARC';
  readonly #t1 = new Set<number>();
  readonly #t2 = new Set<number>();
  readonly #b1 = new Set<number>();
  readonly #b2 = new Set<number>();
  #target = 0;

  constructor(private readonly capacity: number) {}

  access(key: number): boolean {
    const [t1, t2, b1, b2] = [this.#t1, this.#t2, this.#b1, this.#b2];
    if (t1.delete(key) || t2.delete(key)) {
      t2.add(key);
      return true;
    }
    if (b1.has(key)) {
      this.#target = Math.min(this.capacity, this.#target + Math.max(1, b2.size / b1.size));
      this.#replace(false);
      b1.delete(key);
      t2.add(key);
      return false;
    }
    if (b2.has(key)) {
      this.#target = Math.max(0, this.#target - Math.max(1, b1.size / b2.size));
      this.#replace(true);
      b2.delete(key);
      t2.add(key);
      return false;
    }
    const first = t1.size + b1.size;
    const all = first + t2.size + b2.size;
    if (first >= this.capacity) {
      if (t1.size < this.capacity) {
        dropOldest(b1);
        this.#replace(false);
      } else {
        dropOldest(t1);
      }
    } else if (all >= this.capacity) {
      if (all >= 2 * this.capacity) dropOldest(b2);
      this.#replace(false);
    }
    t1.add(key);
    return false;
  }

  #replace(inB2: boolean): void {
    if (this.#t1.size + this.#t2.size < this.capacity) return;
    const fromFirst = this.#t1.size > 0 && (this.#t1.size > this.#target || (inB2 && this.#t1.size === this.#target));
    if (fromFirst || this.#t2.size === 0) this.#b1.add(dropOldest(this.#t1));
    else this.#b2.add(dropOldest(this.#t2));
  }
}
