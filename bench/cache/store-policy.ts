import { Aging } from '../../src/store/aging.js';
import { chooseCopies, type Entry, WINDOW_SHARE } from '../../src/store/eviction.js';
import { FrequencySketch } from '../../src/store/frequency-sketch.js';
import type { CachePolicy } from './policy.js';

/** What the store does, by its own code, with the queues in memory instead of the index. */
export class StorePolicy implements CachePolicy {
  readonly name = 'the store';
  readonly #sketch = new FrequencySketch();
  readonly #aging = new Aging(this.#sketch);
  readonly #window = new Set<number>();
  readonly #main = new Set<number>();

  constructor(private readonly capacity: number) {}

  async access(key: number): Promise<boolean> {
    this.#aging.use({ id: BigInt(key), size: 1 }, this.#window.size + this.#main.size);
    for (const queue of [this.#window, this.#main]) {
      if (!queue.delete(key)) continue;
      queue.add(key);
      return true;
    }
    const full = this.#window.size + this.#main.size >= this.capacity;
    if (full) await this.#makeRoom();
    // Before the first eviction there is nothing to protect.
    if (full) this.#window.add(key);
    else this.#main.add(key);
    return false;
  }

  async #makeRoom(): Promise<void> {
    const windowSurplus = this.#window.size + 1 - this.capacity * WINDOW_SHARE;
    const queues = {
      window: entries(this.#window),
      main: entries(this.#main),
      windowSurplus,
      copy: async ({ id }: Entry) => ({ id, size: 1 }),
    };
    const { evict, promote } = await chooseCopies(1, queues, this.#sketch);
    for (const { id } of evict) {
      this.#window.delete(Number(id));
      this.#main.delete(Number(id));
    }
    for (const { id } of promote) {
      this.#window.delete(Number(id));
      this.#main.add(Number(id));
    }
  }
}

async function* entries(queue: Set<number>): AsyncGenerator<Entry> {
  for (const key of queue) yield { id: BigInt(key) };
}
