import { MurkyError } from '../errors.js';

/** Bounds what runs at once, and turns the rest away at the door instead of letting it queue. */
export class Admission {
  readonly #running = { read: 0, write: 0 };

  constructor(private readonly most: { readonly read: number; readonly write: number }) {}

  /** MURKY_BUSY if as many as are allowed are running. */
  async run<T>(kind: 'read' | 'write', work: () => Promise<T>): Promise<T> {
    if (this.#running[kind] >= this.most[kind]) {
      throw new MurkyError('MURKY_BUSY', `This node already serves ${this.most[kind]} ${kind}s at once.`, {
        hint: 'Try again in a moment.',
      });
    }
    this.#running[kind]++;
    try {
      return await work();
    } finally {
      this.#running[kind]--;
    }
  }
}
