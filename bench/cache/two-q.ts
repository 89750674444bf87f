import type { CachePolicy } from './policy.js';

const oldest = (queue: Set<number>): number => queue.values().next().value!;

/** 2Q, full version, with the sizes that its paper advises (Johnson and Shasha, VLDB '94). */
export class TwoQ implements CachePolicy {
  readonly name = '2Q';
  readonly #newcomers = new Set<number>();
  /** Keys alone: left the newcomers lately. */
  readonly #seen = new Set<number>();
  readonly #main = new Set<number>();

  constructor(private readonly capacity: number) {}

  access(key: number): boolean {
    if (this.#main.delete(key)) {
      this.#main.add(key);
      return true;
    }
    if (this.#newcomers.has(key)) return true;
    this.#makeRoom();
    if (this.#seen.delete(key)) this.#main.add(key);
    else this.#newcomers.add(key);
    return false;
  }

  #makeRoom(): void {
    if (this.#newcomers.size + this.#main.size < this.capacity) return;
    if (this.#newcomers.size > this.capacity / 4 || this.#main.size === 0) {
      const key = oldest(this.#newcomers);
      this.#newcomers.delete(key);
      this.#seen.add(key);
      if (this.#seen.size > this.capacity / 2) this.#seen.delete(oldest(this.#seen));
    } else {
      this.#main.delete(oldest(this.#main));
    }
  }
}
