const WINDOW_MS = 5000;

/** The rate of a growing amount over the last seconds: what a person means by "now". */
export class RateWindow {
  readonly #marks: { readonly atMs: number; readonly amount: number }[] = [];

  add(atMs: number, amount: number): void {
    this.#marks.push({ atMs, amount });
    while (this.#marks.length > 2 && atMs - this.#marks[1]!.atMs >= WINDOW_MS) this.#marks.shift();
  }

  /** Per second; undefined before the second mark. */
  rate(): number | undefined {
    const first = this.#marks[0];
    const last = this.#marks.at(-1);
    if (!first || !last || last.atMs === first.atMs) return undefined;
    return ((last.amount - first.amount) * 1000) / (last.atMs - first.atMs);
  }
}
