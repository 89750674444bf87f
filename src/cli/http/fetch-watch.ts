import type { RunningFetch } from '../../rain/report.js';
import type { NodeClient } from './node-client.js';

const ASK_EVERY_MS = 500;

/** Asks a node again and again what its fetch of one object does, for whoever waits for it to see. */
export class FetchWatch {
  #latest: RunningFetch | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    private readonly client: NodeClient,
    private readonly key: string,
  ) {
    this.#again();
  }

  /** The last answer; the last one that told of the fetch once it has ended. Undefined: no fetch was needed, or not yet. */
  latest(): RunningFetch | undefined {
    return this.#latest;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #again(): void {
    this.#timer = setTimeout(() => void this.#ask(), ASK_EVERY_MS);
    this.#timer.unref();
  }

  async #ask(): Promise<void> {
    try {
      const fetches = await this.client.fetches();
      this.#latest = fetches.find((fetch) => fetch.key === this.key) ?? this.#latest;
      if (!this.#stopped) this.#again();
    } catch {
      // A node that has no such figures, or is in trouble: the transfer itself tells of that.
    }
  }
}
