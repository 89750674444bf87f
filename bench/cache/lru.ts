import type { CachePolicy } from './policy.js';

export class Lru implements CachePolicy {
  readonly name = 'LRU';
  readonly #keys = new Set<number>();

  constructor(private readonly capacity: number) {}

  access(key: number): boolean {
    const hit = this.#keys.delete(key);
    this.#keys.add(key);
    if (this.#keys.size > this.capacity) this.#keys.delete(this.#keys.values().next().value!);
    return hit;
  }
}
