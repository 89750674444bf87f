const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Owners that hold the process: they must not be collected either, though nobody may name them any more. */
const holding = new Set<object>();

/**
 * Keeps the process alive while something is held, as a listening socket or an open connection would: neither the
 * native loop nor the timers of the clock do.
 */
export class KeepAlive {
  #held = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly owner: object) {}

  /** Holds the process until the returned function is called (once; further calls do nothing). */
  hold(): () => void {
    if (this.#held++ === 0) {
      this.#timer = setInterval(() => {}, LONGEST_TIMER_MS);
      holding.add(this.owner);
    }
    let released = false;
    return () => {
      if (released) return;
      released = true;
      if (--this.#held > 0) return;
      clearInterval(this.#timer);
      holding.delete(this.owner);
    };
  }
}
