import type { MurkyError } from '../errors.js';
import type { Table, TableChange } from './table.js';

/** Bounds the batch that is built in memory and copied once more by LevelDB. */
const MAX_GROUP_BYTES = 8 * 2 ** 20;

interface Pending {
  readonly changes: readonly TableChange[];
  readonly sync: boolean;
  readonly bytes: number;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Group commit: while one batch is being synced, what arrives waits and then shares the next one. LevelDB groups
 * writers too, but not values of 1 MiB, and each of its waiting writers would hold one of Node's four pool threads.
 *
 * After a failed batch every later one is refused with the same error: LevelDB's log may end in half a record then,
 * and recovery would drop what was written behind it. Only a table that was opened anew takes changes again.
 */
export class CommitQueue {
  readonly #waiting: Pending[] = [];
  #running = false;
  #failure: MurkyError | undefined;

  /**
   * `table` answers with the one that is open now. `journal` hears of each batch before the table does, and answers
   * with what goes into the same one.
   */
  constructor(
    private readonly table: () => Pick<Table, 'batch'>,
    private readonly journal: (changes: readonly TableChange[], sync: boolean) => Promise<readonly TableChange[]>,
  ) {}

  /** Why no change is taken any more, or undefined. */
  get failure(): MurkyError | undefined {
    return this.#failure;
  }

  /** Changes of one call are applied together, and after those of every earlier call. */
  write(changes: readonly TableChange[], options: { sync: boolean }): Promise<void> {
    return new Promise((resolve, reject) => {
      const bytes = changes.reduce((sum, c) => sum + c.key.length + (c.type === 'put' ? c.value.length : 0), 0);
      this.#waiting.push({ changes, sync: options.sync, bytes, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  /** The table has been opened anew. */
  resume(): void {
    this.#failure = undefined;
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      try {
        if (this.#failure) throw this.#failure;
        const changes = group.flatMap((pending) => pending.changes);
        const sync = group.some((pending) => pending.sync);
        const noted = await this.journal(changes, sync);
        await this.table().batch([...changes, ...noted], sync);
        for (const pending of group) pending.resolve();
      } catch (error) {
        this.#failure ??= error as MurkyError;
        for (const pending of group) pending.reject(error);
      }
    }
    this.#running = false;
  }

  #takeGroup(): Pending[] {
    let bytes = 0;
    let count = 0;
    for (const pending of this.#waiting) {
      if (count > 0 && bytes + pending.bytes > MAX_GROUP_BYTES) break;
      bytes += pending.bytes;
      count++;
    }
    return this.#waiting.splice(0, count);
  }
}
