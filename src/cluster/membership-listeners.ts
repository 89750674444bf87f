import type { Log } from '../seam/log.js';
import type { MembershipEvent } from './membership.js';

/** Hands events of a membership on; a listener that throws disturbs no other. */
export class MembershipListeners {
  readonly #listeners = new Set<(event: MembershipEvent) => void>();
  #closed = false;

  constructor(private readonly log: Log) {}

  on(listener: (event: MembershipEvent) => void): () => void {
    if (!this.#closed) this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Nothing is handed on any more. */
  close(): void {
    this.#closed = true;
    this.#listeners.clear();
  }

  emit(event: MembershipEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.log.error({ error: String(error), event: event.kind }, 'A change of the members was not followed up.');
      }
    }
  }
}
