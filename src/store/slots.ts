/**
 * Gives out slot numbers and knows from which one on a slot may hold blocks that no record names. That number goes
 * into the batch of each commit, at no cost, so that start-up has only the last few slots to look at.
 */
export class Slots {
  #next = 1;
  readonly #unsettled = new Set<number>();

  /** A slot that has never been used. It is unsettled: its blocks, if any, belong to no record yet. */
  take(): number {
    const slot = this.#next++;
    this.#unsettled.add(slot);
    return slot;
  }

  /** Its blocks are gone, or a record that names it is durable. */
  settle(slot: number): void {
    this.#unsettled.delete(slot);
  }

  /** Every slot below this one is settled. `settling` does not count: its record is in the batch being made. */
  sweptBelow(settling?: number): number {
    let lowest = this.#next;
    for (const slot of this.#unsettled) {
      if (slot !== settling && slot < lowest) lowest = slot;
    }
    return lowest;
  }

  /** What recovery found: the first number that is free, and the slots of writers that are still at work. */
  restart(next: number, writing: Iterable<number>): void {
    this.#next = Math.max(this.#next, next);
    this.#unsettled.clear();
    for (const slot of writing) this.#unsettled.add(slot);
  }
}
