import { diskError } from '../../../src/store/disk-error.js';
import type { Table, TableChange, TableRange } from '../../../src/store/table.js';
import type { Power } from './memory-files.js';
import type { Seeded } from './seeded.js';

interface Batch {
  readonly changes: readonly TableChange[];
  /** A power cut cannot take it any more. */
  kept: boolean;
  /** It stands in memory, or in the log, where the next start finds it. */
  readonly inMemory: boolean;
  readonly inLog: boolean;
}

/**
 * What LevelDB promises of a table, and no more: batches are whole and in order; after a power cut those are there that
 * were synced, or stand before a flush, and of the others any: its log is read on behind a part that is damaged, and one
 * log may be lost in part though the next one is synced.
 */
export class ModelTable {
  #seen = new Map<string, Buffer>();
  /** The state of the last flush, and the batches since. */
  #kept = new Map<string, Buffer>();
  #since: Batch[] = [];
  /** What was in it before the power went: the journal has that too. */
  #certain = new Map<string, Buffer>();
  /** How likely a batch finds the disk full. */
  full = 0;

  constructor(private readonly random: Seeded) {}

  /** Bytes of values whose key starts with `letter`. */
  bytesOf(letter: string): number {
    let bytes = 0;
    for (const [key, value] of this.#seen) if (key.startsWith(letter)) bytes += value.length;
    return bytes;
  }

  /**
   * What a start behind a power cut now would bring back for certain under a key, whose bytes are the characters of
   * `latinKey`, with the help of a journal that has each batch before the table has.
   */
  synced(latinKey: string): Buffer | undefined {
    return this.#certain.get(latinKey);
  }

  /** The table as one run of the store has it. Opening replays the log, and what it finds there stays. */
  boot(power: Power): Table {
    this.flush();
    this.#seen = new Map(this.#kept);
    // A batch that failed leaves half a record in the log, behind which nothing is found; a flush begins another log.
    let torn = false;
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
        if (failed) throw full();
        const copies = changes.map((one) => (one.type === 'put' ? { ...one, value: Buffer.from(one.value) } : one));
        const fails = this.random.chance(this.full);
        const whole = !torn && (!fails || this.random.chance(0.5));
        const batch = { changes: copies, kept: false, inMemory: !fails, inLog: whole };
        this.#since.push(batch);
        torn = !whole;
        if (fails) throw full();
        if (sync) {
          await power.pass(this.random);
          batch.kept = batch.inLog;
        }
        apply(this.#seen, copies);
        apply(this.#certain, copies);
      },
      flush: async () => {
        const before = this.#since.length;
        await power.pass(this.random);
        if (failed) return; // as LevelDB's, which leaves it to the next batch to tell
        if (this.random.chance(this.full)) failed = true;
        else {
          for (const { changes, inMemory } of this.#since.splice(0, before)) if (inMemory) apply(this.#kept, changes);
          torn = false;
        }
      },
      close: async () => {},
    };
  }

  /** The process ended, and the system writes what it had been given. */
  flush(): void {
    for (const { changes, inLog } of this.#since.splice(0)) if (inLog) apply(this.#kept, changes);
  }

  /** What the next start would find, to be changed without harm to it. */
  copy(): ModelTable {
    this.flush();
    const table = new ModelTable(this.random);
    table.#kept = new Map(this.#kept);
    return table;
  }

  /** What can still be read of it when its files are damaged. */
  remains(): ModelTable {
    const table = new ModelTable(this.random);
    for (const [key, value] of this.#kept) if (this.random.chance(0.5)) table.#kept.set(key, value);
    return table;
  }

  /** What is synced now; the returned function brings it back, whatever was synced since. */
  hold(): () => void {
    const kept = new Map(this.#kept);
    for (const batch of this.#since) if (batch.kept) apply(kept, batch.changes);
    const certain = new Map(this.#certain);
    return () => {
      this.#kept = new Map(kept);
      this.#certain = new Map(certain);
      this.#since = [];
    };
  }

  /** The power goes. */
  crash(): void {
    this.#since = this.#since.filter(({ kept }) => kept || this.random.chance(0.5));
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

const full = () => diskError(Object.assign(new Error('No space left on device'), { code: 'LEVEL_IO_ERROR' }), 'index');

const latin = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

function apply(table: Map<string, Buffer>, batch: readonly TableChange[]): void {
  for (const one of batch) {
    if (one.type === 'put') table.set(latin(one.key), one.value as Buffer);
    else table.delete(latin(one.key));
  }
}
