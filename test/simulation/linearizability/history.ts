/** The value of a register: the text that was put last, or null where there is nothing, or what was there is deleted. */
export type Value = string | null;

/** One operation on one register, between two moments of one clock that all clients share. */
export interface Operation {
  readonly client: string;
  /** A deletion writes null; "not found" has read null. */
  readonly kind: 'write' | 'read';
  readonly value: Value;
  readonly start: number;
  /** Infinity: nobody knows whether the write has taken effect, or ever will. */
  readonly end: number;
}

/** Writes down what clients do, in the order in which it begins and ends. */
export class History {
  readonly #operations: Operation[] = [];
  #moment = 0;

  get operations(): readonly Operation[] {
    return this.#operations;
  }

  /** The moment at which an operation begins. */
  begin(): number {
    return this.#moment++;
  }

  end(operation: Omit<Operation, 'end'>): void {
    this.#operations.push({ ...operation, end: this.#moment++ });
  }

  /** A write of which no answer came, or an error that does not say that it was not done. */
  unknown(operation: Omit<Operation, 'end'>): void {
    this.#operations.push({ ...operation, end: Number.POSITIVE_INFINITY });
  }
}

/** One line for each operation, in the order in which they began. */
export function describeHistory(operations: readonly Operation[]): string {
  const byStart = [...operations].sort((a, b) => a.start - b.start);
  return byStart.map((operation) => `  ${describe(operation)}`).join('\n');
}

function describe({ client, kind, value, start, end }: Operation): string {
  const span = `${String(start).padStart(4)} to ${end === Number.POSITIVE_INFINITY ? '   ?' : String(end).padStart(4)}`;
  return `${span}  ${client.padEnd(4)} ${kind === 'write' ? 'writes' : 'reads '} ${value ?? 'nothing'}`;
}
