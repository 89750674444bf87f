/** A value of a key as its one writer knows it: the number of the put, or nothing. */
export type Value = number | 'nothing';

/**
 * What may be the value of one key: the last write that was acknowledged, or any that was not, as that may still take
 * place. Its writer waits for each answer before it goes on.
 */
export class KeyHistory {
  #acknowledged: Value = 'nothing';
  readonly #unknown = new Set<Value>();
  /** All puts that have begun, whatever became of them. */
  readonly #begun = new Set<number>();

  /** A write is about to be sent. */
  begin(value: Value): void {
    if (value !== 'nothing') this.#begun.add(value);
  }

  /** Whether someone that reads in the midst of the faults may get this value, old or new: it was put under this key. */
  mayBeRead(value: Value): boolean {
    return value === 'nothing' || this.#begun.has(value);
  }

  acknowledge(value: Value): void {
    this.#acknowledged = value;
  }

  /** No answer, or one that does not say that nothing was written. */
  doubt(value: Value): void {
    this.#unknown.add(value);
  }

  /** The value, where there is no doubt about it. */
  get certain(): Value | undefined {
    return this.#unknown.size === 0 ? this.#acknowledged : undefined;
  }

  /** What is wrong with this value after all faults, in a word; undefined if nothing is. */
  judge(value: Value): 'lost' | 'resurrected' | undefined {
    if (value === this.#acknowledged || this.#unknown.has(value)) return undefined;
    return this.#acknowledged === 'nothing' ? 'resurrected' : 'lost';
  }

  /** All nodes agree on this value: whatever else was in doubt did not take place, or was overwritten. */
  settle(value: Value): void {
    this.#acknowledged = value;
    this.#unknown.clear();
  }

  toString(): string {
    return `acknowledged ${this.#acknowledged}, in doubt ${[...this.#unknown].join(' ') || 'nothing'}`;
  }
}
