/**
 * Lets one at a time work on a resource. A writer that looks at the current version, chooses a greater one and commits
 * holds it, so that no other commit of this process comes between.
 */
export class KeyedLock {
  readonly #last = new Map<bigint, Promise<void>>();

  async run<T>(key: bigint, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    let release = () => {};
    const mine = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#last.set(key, mine);
    await before;
    try {
      return await work();
    } finally {
      release();
      if (this.#last.get(key) === mine) this.#last.delete(key);
    }
  }
}
