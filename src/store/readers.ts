/** Who reads from the log: whoever has looked up a place in the index may still read there once the index has another. */
export class Readers {
  readonly #running = new Set<Promise<unknown>>();

  /** `read` looks the place up, too. */
  async run<T>(read: () => Promise<T>): Promise<T> {
    const running = read();
    const ended = running.catch(() => {});
    this.#running.add(ended);
    try {
      return await running;
    } finally {
      this.#running.delete(ended);
    }
  }

  /** Resolves when all that run now have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }
}
