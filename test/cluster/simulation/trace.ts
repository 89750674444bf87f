const KEPT_LINES = 40;

/** What happened, in order: a digest of all of it, and the last lines in words. */
export class Trace {
  readonly #lines: string[] = [];
  #a = 0x811c9dc5;
  #b = 0x9747b28c;

  constructor(private readonly now: () => number) {}

  /** Counts into the digest alone. */
  mix(value: number): void {
    this.#a = Math.imul(this.#a ^ value, 0x01000193);
    this.#b = Math.imul((this.#b << 13) | (this.#b >>> 19), 5) ^ Math.imul(value + 0x7f4a7c15, 0xcc9e2d51);
  }

  say(line: string): void {
    this.mix(Math.round(this.now() * 1000));
    for (let i = 0; i < line.length; i++) this.mix(line.charCodeAt(i));
    this.#lines.push(`${(this.now() / 1000).toFixed(3).padStart(9)} s  ${line}`);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
  }

  get last(): readonly string[] {
    return this.#lines;
  }

  /** 16 hexadecimal digits: two runs of a seed are the same, or differ here. */
  get digest(): string {
    return [this.#a, this.#b].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
  }
}
