import type { MurkyError } from '../errors.js';
import { allEnded } from './all-ended.js';
import type { Appended } from './appender.js';
import type { Table, TableChange } from './table.js';

/** Bounds the batch that is built in memory and copied once more by LevelDB. */
const MAX_GROUP_BYTES = 8 * 2 ** 20;

/** A change that may name a record of the block log which is written, but perhaps not durable yet. */
export type QueuedChange = TableChange & { readonly written?: Appended };

/** Where each batch is durable before the table hears of it. */
export interface CommitJournal {
  /** With `sync` the changes survive a power cut once this resolves. */
  append(changes: readonly QueuedChange[], sync: boolean): Promise<void>;
  /** The table has all that was appended. */
  applied(): void;
}

interface Pending {
  readonly changes: readonly QueuedChange[];
  readonly sync: boolean;
  readonly bytes: number;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Group commit: while one batch is on its way to the disk, what arrives waits and then shares the next one. A group is
 * written to the journal while the blocks that it names are still being synced, so it waits for one sync, not for two in
 * a row. One group comes after the other: only of the last one in the journal can blocks be missing after a power cut,
 * and that one was not acknowledged.
 *
 * After a failed batch every later one is refused with the same error: what the journal holds behind its last synced
 * byte is unknown then. Only a table and a journal that were opened anew take changes again.
 */
export class CommitQueue {
  readonly #waiting: Pending[] = [];
  #running = false;
  #failure: MurkyError | undefined;

  /** `table` answers with the one that is open now. */
  constructor(
    private readonly table: () => Pick<Table, 'batch'>,
    private readonly journal: CommitJournal,
  ) {}

  /** Why no change is taken any more, or undefined. */
  get failure(): MurkyError | undefined {
    return this.#failure;
  }

  /**
   * Changes of one call are applied together, and after those of every earlier call. With `sync` they are durable when
   * it resolves, and so are the records that they name.
   */
  write(changes: readonly QueuedChange[], options: { sync: boolean }): Promise<void> {
    return new Promise((resolve, reject) => {
      const bytes = changes.reduce((sum, c) => sum + c.key.length + (c.type === 'put' ? c.value.length : 0), 0);
      this.#waiting.push({ changes, sync: options.sync, bytes, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  /** What was written to the table past this queue failed: what follows it there may not be found at the next start. */
  fail(error: MurkyError): void {
    this.#failure ??= error;
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
        const blocks = changes.flatMap(({ written }) => (written ? [written.settled] : []));
        await allEnded([this.journal.append(changes, sync), ...blocks]);
        await this.table().batch(changes, false);
        this.journal.applied();
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
