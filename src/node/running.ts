import { MurkyError } from '../errors.js';
import { type Clock, sleep } from '../seam/clock.js';

/** The operations of a node that run, so that closing it can wait for them. */
export class Running {
  /**
   * Each until it has ended, and what cuts it off. Not one signal for all: what AbortSignal.any derives from a signal,
   * that one never forgets on Node 20.
   */
  readonly #running = new Map<Promise<void>, AbortController>();
  #closing = false;

  /** Runs an operation with a signal that also aborts when the node has waited long enough for it. */
  run<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#closing) return Promise.reject(closed());
    const cut = new AbortController();
    const running = work(signal ? AbortSignal.any([signal, cut.signal]) : cut.signal);
    const ended = running.then(
      () => {},
      () => {},
    );
    this.#running.set(ended, cut);
    void ended.then(() => this.#running.delete(ended));
    return running;
  }

  /** Takes no more, waits at most `limitMs` for what runs, then cuts it off with MURKY_CLOSED. */
  async close(clock: Clock, limitMs: number): Promise<void> {
    this.#closing = true;
    const waited = new AbortController();
    const all = Promise.all(this.#running.keys());
    await Promise.race([all, sleep(clock, limitMs, waited.signal).catch(() => {})]);
    waited.abort();
    for (const cut of this.#running.values()) cut.abort(closed());
    await all;
  }
}

function closed(): MurkyError {
  return new MurkyError('MURKY_CLOSED', 'The node is closing.');
}
