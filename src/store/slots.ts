/** Gives out slot numbers. */
export class Slots {
  #next = 1;

  /** A slot that no version here has. */
  take(): number {
    return this.#next++;
  }

  /** What recovery found: the first number that is free. */
  restart(next: number): void {
    this.#next = Math.max(this.#next, next);
  }
}
