/** At most `running` pieces of work at once and at most `waiting` more in line; what is beyond is turned away. */
export class Limit {
  #running = 0;
  #advanced = 0;
  readonly #line: (() => void)[] = [];

  constructor(
    private readonly running: number,
    private readonly waiting: number,
  ) {}

  get full(): boolean {
    return this.#running >= this.running && this.#line.length >= this.waiting;
  }

  get idle(): boolean {
    return this.#running === 0;
  }

  /** Grows while what runs gets on: whoever waits in line sees by it that the wait is worth while. */
  get advanced(): number {
    return this.#advanced;
  }

  /** To be called by work that has got a step further. */
  advance(): void {
    this.#advanced += 1;
  }

  /** Undefined if turned away, which a caller can foresee by `full`. */
  async run<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.full) return undefined;
    if (this.#running >= this.running) await new Promise<void>((resolve) => this.#line.push(resolve));
    else this.#running += 1;
    try {
      return await work();
    } finally {
      const next = this.#line.shift();
      if (next)
        next(); // takes over the place
      else this.#running -= 1;
    }
  }
}
