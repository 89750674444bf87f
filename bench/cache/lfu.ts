import type { CachePolicy } from './policy.js';

/** Least frequently used of those here, the least recently used of equals; a count is forgotten with its object. */
export class Lfu implements CachePolicy {
  readonly name = 'LFU';
  readonly #counts = new Map<number, number>();
  readonly #byCount = new Map<number, Set<number>>();
  #least = 1;

  constructor(private readonly capacity: number) {}

  access(key: number): boolean {
    const count = this.#counts.get(key);
    if (count === undefined) {
      if (this.#counts.size >= this.capacity) this.#evict();
      this.#least = 1;
      this.#put(key, 1);
      return false;
    }
    this.#take(key, count);
    if (this.#least === count && !this.#byCount.has(count)) this.#least = count + 1;
    this.#put(key, count + 1);
    return true;
  }

  #evict(): void {
    while (!this.#byCount.has(this.#least)) this.#least++;
    const key: number = this.#byCount.get(this.#least)!.values().next().value!;
    this.#take(key, this.#least);
    this.#counts.delete(key);
  }

  #put(key: number, count: number): void {
    this.#counts.set(key, count);
    const keys = this.#byCount.get(count) ?? new Set();
    this.#byCount.set(count, keys.add(key));
  }

  #take(key: number, count: number): void {
    const keys = this.#byCount.get(count)!;
    keys.delete(key);
    if (keys.size === 0) this.#byCount.delete(count);
  }
}
