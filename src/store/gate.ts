/**
 * Lets any number of calls pass at once, or one alone: reopening and closing the database wait for the calls in
 * progress and keep later ones waiting. A call that has passed must not pass again before it ends.
 */
export class Gate {
  #inside = 0;
  #alone: Promise<void> | undefined;
  #emptied: (() => void) | undefined;

  async shared<T>(run: () => Promise<T>): Promise<T> {
    while (this.#alone) await this.#alone;
    this.#inside++;
    try {
      return await run();
    } finally {
      this.#inside--;
      if (this.#inside === 0) this.#emptied?.();
    }
  }

  async alone<T>(run: () => Promise<T>): Promise<T> {
    while (this.#alone) await this.#alone;
    let open = () => {};
    this.#alone = new Promise((resolve) => {
      open = resolve;
    });
    try {
      if (this.#inside > 0) {
        await new Promise<void>((resolve) => {
          this.#emptied = resolve;
        });
      }
      return await run();
    } finally {
      this.#emptied = undefined;
      this.#alone = undefined;
      open();
    }
  }
}
