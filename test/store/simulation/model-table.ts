import { diskError } from '../../../src/store/disk-error.js';
import type { Table, TableChange, TableRange } from '../../../src/store/table.js';
import type { Power } from './memory-files.js';
import type { Seeded } from './seeded.js';

/**
 * What LevelDB promises of a table, and no more: batches are whole and in order; after a crash those up to the last
 * synced one are there, and of the later ones any number of the first.
 */
export class ModelTable {
  #seen = new Map<string, Buffer>();
  /** The state of the last sync, and the batches since. */
  #kept = new Map<string, Buffer>();
  #unsynced: (readonly TableChange[])[] = [];
  /** How likely a batch finds the disk full. */
  full = 0;

  constructor(private readonly random: Seeded) {}

  /** Bytes of values whose key starts with `letter`. */
  bytesOf(letter: string): number {
    let bytes = 0;
    for (const [key, value] of this.#seen) if (key.startsWith(letter)) bytes += value.length;
    return bytes;
  }

  /** What a crash now would leave for certain under a key, whose bytes are the characters of `latinKey`. */
  synced(latinKey: string): Buffer | undefined {
    return this.#kept.get(latinKey);
  }

  /** The table as one run of the store has it. Opening replays the log, and what it finds there stays. */
  boot(power: Power): Table {
    this.#lose();
    let failed = false;
    return {
      get: async (key) => {
        await power.pass(this.random);
        return this.#seen.get(latin(key));
      },
      entries: async (range) => {
        await power.pass(this.random);
        return this.#range(range).map((key) => [Buffer.from(key, 'latin1'), this.#seen.get(key)!]);
      },
      keys: async (range) => {
        await power.pass(this.random);
        return this.#range(range).map((key) => Buffer.from(key, 'latin1'));
      },
      batch: async (changes, sync) => {
        await power.pass(this.random);
        if (failed) throw new Error('A failed log takes no batch: what stands behind half a record is lost.');
        const copies = changes.map((one) => (one.type === 'put' ? { ...one, value: Buffer.from(one.value) } : one));
        this.#unsynced.push(copies);
        if (this.random.chance(this.full)) {
          failed = true;
          throw diskError(Object.assign(new Error('No space left on device'), { code: 'LEVEL_IO_ERROR' }), 'index');
        }
        if (sync) {
          await power.pass(this.random);
          for (const batch of this.#unsynced.splice(0)) apply(this.#kept, batch);
        }
        apply(this.#seen, copies);
      },
      close: async () => {},
    };
  }

  /** The process ended, and the system writes what it had been given. */
  flush(): void {
    for (const batch of this.#unsynced.splice(0)) apply(this.#kept, batch);
  }

  /** What can still be read of it when its files are damaged. */
  remains(): ModelTable {
    const table = new ModelTable(this.random);
    for (const [key, value] of this.#kept) if (this.random.chance(0.5)) table.#kept.set(key, value);
    return table;
  }

  /** What is synced now; the returned function brings it back, whatever was synced since. */
  hold(): () => void {
    const held = new Map(this.#kept);
    return () => {
      this.#kept = new Map(held);
      this.#unsynced = [];
    };
  }

  /** Keeps what was synced, and a number of the batches since. */
  #lose(): void {
    for (const batch of this.#unsynced.slice(0, this.random.below(this.#unsynced.length + 1))) apply(this.#kept, batch);
    this.#unsynced = [];
    this.#seen = new Map(this.#kept);
  }

  #range({ gt, gte, lt, reverse, limit }: TableRange): string[] {
    const [above, from, to] = [gt, gte, lt].map((bound) => bound && latin(bound));
    const keys = [...this.#seen.keys()].filter(
      (key) =>
        (above === undefined || key > above) && (from === undefined || key >= from) && (to === undefined || key < to),
    );
    keys.sort((a, b) => (a < b ? -1 : 1));
    return (reverse ? keys.reverse() : keys).slice(0, limit);
  }
}

const latin = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

function apply(table: Map<string, Buffer>, batch: readonly TableChange[]): void {
  for (const one of batch) {
    if (one.type === 'put') table.set(latin(one.key), one.value as Buffer);
    else table.delete(latin(one.key));
  }
}
