import type { Version } from '../../../src/object/version.js';

/** A put or a delete, and what became of it. */
export interface Write {
  /** From 1 on; the value tells which write it is of. */
  readonly number: number;
  readonly key: string;
  readonly kind: 'put' | 'delete';
  /** Bytes of the value. */
  readonly size: number;
  readonly node: number;
  readonly begunAtMs: number;
  endedAtMs?: number;
  /**
   * acknowledged: must hold from now on. nothing: did not take place. open: has not ended, or ended with an error after
   * which it may still take place.
   */
  outcome: 'acknowledged' | 'nothing' | 'open';
  version?: Version;
  quorum?: number;
}

/** Every write of a run. */
export class History {
  readonly writes: Write[] = [];

  begin(write: Omit<Write, 'number' | 'outcome'>): Write {
    const begun: Write = { ...write, number: this.writes.length + 1, outcome: 'open' };
    this.writes.push(begun);
    return begun;
  }

  of(key: string): Write[] {
    return this.writes.filter((write) => write.key === key);
  }

  /** A put of no bytes, if there was one. */
  empty(key: string): Write | undefined {
    return this.of(key).find((write) => write.kind === 'put' && write.size === 0);
  }

  keys(): string[] {
    return [...new Set(this.writes.map(({ key }) => key))];
  }
}

/** The value of a write: its number at every eighth byte, so that no part of it can be taken for one of another's. */
export function valueWritten(write: Pick<Write, 'number' | 'size'>): Buffer {
  const words = new Uint32Array(2 * Math.ceil(write.size / 8));
  for (let i = 0; i < words.length; i += 2) {
    words[i] = write.number;
    words[i + 1] = Math.imul(i + 1, 0x9e3779b1) ^ write.number;
  }
  return Buffer.from(words.buffer, 0, write.size);
}

/** The number of the write that `value` seems to be of. */
export function numberIn(value: Buffer): number {
  return value.readUIntLE(0, Math.min(value.length, 4));
}
