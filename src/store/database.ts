import { join, resolve } from 'node:path';
import type { MurkyError } from '../errors.js';
import type { Clock } from '../seam/clock.js';
import type { Crc32 } from '../seam/digest.js';
import type { Log } from '../seam/log.js';
import { BlockLog } from './block-log.js';
import type { Budget } from './budget.js';
import { CommitQueue, type QueuedChange } from './commit-queue.js';
import type { Disk } from './disk.js';
import { diskError, isDamagedTable } from './disk-error.js';
import { FORMAT, formatRecord, readFormat } from './format.js';
import { IndexJournal } from './index-journal.js';
import { ESSENTIAL, kindRange } from './index-keys.js';
import { JournalFiles } from './journal-files.js';
import { applyRecords, positionOf, type Replayed } from './journal-replay.js';
import { type Passage, paged, straight } from './paging.js';
import { type Rebuilt, rebuildIndex } from './rebuild.js';
import type { Table, TableChange } from './table.js';
import { upgradeFormat1 } from './upgrade-format-1.js';

/** Opening a table writes what its log holds (at most one write buffer and a group) as a new file, then a new log. */
const REOPEN_NEEDS_BYTES = 64 * 2 ** 20;
/** A full disk is asked again at most this often. */
const REOPEN_PAUSE_MS = 1000;
/** A snapshot that failed is tried again after this. */
const SNAPSHOT_PAUSE_MS = 60_000;
/** What a start may have to bring from the journal to the index, and what its logs hold before a snapshot is due. */
const JOURNAL_BYTES = 8 * 2 ** 20;
const SNAPSHOT_PAGE_ENTRIES = 256;

export interface DatabaseOptions {
  readonly folder: string;
  readonly disk: Disk;
  readonly budget: Budget;
  /** Most bytes of a segment of the block log, unless one record alone is larger. */
  readonly segmentBytes: number;
  /** Of the journal, what a start may have to bring to the index, and what is there before a snapshot is due; 8 MiB. */
  readonly journalBytes?: number | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly crc32?: Crc32 | undefined;
  /** Told when the block log may have room to give back. */
  readonly onDead: () => void;
  /** Told of bytes on their way to the index. */
  readonly onIndexed?: (bytes: number) => void;
  /** Makes the index anew from the journal and the segments, also where LevelDB finds nothing wrong with it. */
  readonly rebuild?: boolean;
  /** Begins the journal anew with what the index holds, also where nothing is found wrong with it. */
  readonly renewJournal?: boolean;
}

/**
 * What is in a data folder: the index with its commit queue and its journal, and the block log. The index decides what
 * exists; the log only holds what the index names.
 */
export class Database {
  readonly indexQueue: CommitQueue;
  readonly blockLog: BlockLog;
  readonly #journal: IndexJournal;
  readonly #journalBytes: number;
  /** What became of an index that was lost or damaged when the folder was opened. */
  rebuilt: Rebuilt | undefined;
  #snapshotFailedMs = Number.NEGATIVE_INFINITY;
  #checkpointing: Promise<void> | undefined;
  /** Why the index is closed, while it could not be opened anew. */
  #down: MurkyError | undefined;
  #lastAttemptMs = Number.NEGATIVE_INFINITY;

  private constructor(
    private readonly options: DatabaseOptions,
    private readonly journalFiles: JournalFiles,
    private table: Table,
  ) {
    const { disk, folder, segmentBytes, budget, log, onDead, crc32 } = options;
    this.#journalBytes = options.journalBytes ?? JOURNAL_BYTES;
    this.#journal = new IndexJournal(journalFiles, this.#journalBytes);
    this.indexQueue = new CommitQueue(() => this.index, {
      append: (changes, sync) => this.#append(changes, sync),
      applied: () => {
        this.#journal.applied();
        // If it fails, the next batch tells.
        if (this.#journal.openBytes > this.#journalBytes && !this.#checkpointing) this.#checkpoint().catch(() => {});
      },
    });
    this.blockLog = new BlockLog(disk.files, join(folder, 'segments'), segmentBytes, budget, log, onDead, crc32);
  }

  /** The block log takes blocks once recovery has settled it. */
  static async open(options: DatabaseOptions): Promise<Database> {
    const { folder, disk, log } = options;
    try {
      await disk.makeFolder(resolve(folder));
    } catch (error) {
      throw diskError(error, folder);
    }
    const journalFiles = new JournalFiles(disk.files, join(folder, 'journal'));
    const { table, rebuilt } = await openIndex(options, journalFiles);
    const database = new Database(options, journalFiles, table);
    database.rebuilt = rebuilt;
    try {
      const format = await readFormat(table, folder, disk);
      if (format === 1) await upgradeFormat1({ folder, disk, log, database, format: formatRecord(2) });
      const anew = format < FORMAT || rebuilt !== undefined || options.renewJournal === true;
      if ((await database.#openJournal(anew)) === 'index-behind') {
        await database.close();
        log.error({ folder }, 'The index has lost changes that were on the disk.');
        return await Database.open({ ...options, rebuild: true });
      }
      if (format < FORMAT) await table.batch([formatRecord(FORMAT)], true);
      await disk.removeTable(join(folder, 'blocks'));
      if (database.#journal.overdue) await database.#shortenJournal();
    } catch (error) {
      await database.close().catch(() => {});
      throw error;
    }
    return database;
  }

  /** About what upkeep of the journal may write all at once. */
  get comingBytes(): number {
    return this.#journal.comingBytes;
  }

  get index(): Table {
    if (this.#down) throw this.#down;
    return this.table;
  }

  /** Why no changes are taken any more; reads go on. */
  get failure(): MurkyError | undefined {
    return this.indexQueue.failure ?? this.blockLog.failure;
  }

  /**
   * Opens the index anew after a failed write, once the disk has room again; rejects with the failure until then. The
   * caller is alone with the database. What the failed write left behind is for recovery to find.
   */
  async reopen(): Promise<void> {
    const failure = this.failure;
    if (!failure) return;
    const { folder, disk, clock, log } = this.options;
    if (clock.monotonic() - this.#lastAttemptMs < REOPEN_PAUSE_MS) throw failure;
    this.#lastAttemptMs = clock.monotonic();
    if (!(await disk.hasRoom(folder, REOPEN_NEEDS_BYTES))) throw failure;
    await this.close();
    this.#down = failure;
    const { table, rebuilt } = await openIndex(this.options, this.journalFiles);
    this.table = table;
    if ((await this.#openJournal(rebuilt !== undefined)) === 'index-behind') {
      await this.table.close();
      throw failure;
    }
    this.#down = undefined;
    this.indexQueue.resume();
    log.info({ folder }, 'The store takes writes again.');
  }

  /** Upkeep of the journal: gives back the room of what it no longer needs. Both stay open during a passage. */
  async tidyJournal(passage: Passage): Promise<void> {
    const { clock } = this.options;
    if (this.failure) return;
    if (!this.#journal.due || clock.monotonic() - this.#snapshotFailedMs < SNAPSHOT_PAUSE_MS) return;
    try {
      await this.#snapshot(passage);
    } catch (error) {
      this.#snapshotFailedMs = clock.monotonic();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#checkpointing?.catch(() => {});
    const whole = this.failure === undefined && this.#down === undefined;
    // Without it the next start brings the index what it lacks.
    if (whole && this.#journal.openBytes > 0) await this.#checkpoint().catch(() => {});
    await this.blockLog.close();
    await this.table.close();
    await this.#journal.close();
  }

  /** `anew`: what the journal has is not of this index. */
  async #openJournal(anew: boolean): Promise<'ready' | 'index-behind'> {
    const { table } = this;
    const position = anew ? undefined : await positionOf(table);
    const bring = (records: AsyncIterable<Replayed>) => applyRecords(table, records);
    try {
      const found = anew ? await this.#journal.begin() : await this.#journal.open(position, bring);
      if (found === 'index-behind') return found;
      if (found === 'begun') {
        await this.#checkpoint({ sync: true });
        await this.#journal.snapshot(this.#pages(straight), straight);
      } else if (this.#journal.openBytes > 0) await this.#checkpoint();
      return 'ready';
    } catch (error) {
      throw diskError(error, this.journalFiles.folder);
    }
  }

  /** At a start. Where it fails, as on a full disk, upkeep tries it again. */
  async #shortenJournal(): Promise<void> {
    const { folder, log } = this.options;
    await this.tidyJournal(straight).catch((error) => {
      log.warn(
        { folder, error: String(error) },
        'The long journal could not be tidied at the start; it is tried again.',
      );
    });
  }

  async #snapshot(passage: Passage): Promise<void> {
    this.#journal.renew();
    await passage(() => this.indexQueue.write([], { sync: true }));
    // A place in a log that goes would have the next start make the index anew.
    await passage(() => this.#checkpoint({ sync: true }));
    await this.#journal.snapshot(this.#pages(passage), passage);
  }

  /** The index has durably what it has now, and knows it: a start need not look at the journal before. */
  async #checkpoint({ sync = false } = {}): Promise<void> {
    while (this.#checkpointing) await this.#checkpointing;
    const { position, openBytes } = this.#journal;
    const flush = async () => {
      await this.table.flush();
      await this.table.batch([this.#journal.noted(position)], sync).catch((error) => {
        this.indexQueue.fail(error);
        throw error;
      });
      this.#journal.settled(openBytes);
    };
    this.#checkpointing = flush().finally(() => {
      this.#checkpointing = undefined;
    });
    await this.#checkpointing;
  }

  async *#pages(passage: Passage): AsyncGenerator<TableChange[]> {
    for (const kind of ESSENTIAL) {
      let page: TableChange[] = [];
      for await (const [key, value] of paged(() => this.table, kindRange(kind), passage, SNAPSHOT_PAGE_ENTRIES)) {
        page.push({ type: 'put', key, value });
        if (page.length < SNAPSHOT_PAGE_ENTRIES) continue;
        yield page;
        page = [];
      }
      if (page.length > 0) yield page;
    }
  }

  async #append(changes: readonly QueuedChange[], sync: boolean): Promise<void> {
    this.options.onIndexed?.(
      changes.reduce((sum, one) => sum + one.key.length + (one.type === 'put' ? one.value.length : 0), 0),
    );
    try {
      await this.#journal.append(changes, sync);
    } catch (error) {
      throw diskError(error, this.journalFiles.folder);
    }
  }
}

/** The index; one that is lost or damaged is made anew, where there is a journal to make it from. */
async function openIndex(
  options: DatabaseOptions,
  journal: JournalFiles,
): Promise<{ table: Table; rebuilt: Rebuilt | undefined }> {
  const { folder, disk, log } = options;
  const path = join(folder, 'index');
  const { logs, base } = await journal.contents();
  const journaled = base !== undefined || logs.length > 0;
  // The lock of the index is what keeps a second node out of the folder.
  try {
    const table = await disk.openTable(path, journaled ? 'existing' : 'new');
    if (!options.rebuild || !journaled) return { table, rebuilt: undefined };
    await table.close();
  } catch (error) {
    if (!isDamagedTable(error)) throw error;
    if (!journaled) {
      if (!(await isFirstStart(options))) throw error;
      await disk.removeTable(path);
      return { table: await disk.openTable(path, 'new'), rebuilt: undefined };
    }
    log.error({ folder, error: String(error) }, 'The index is lost or damaged.');
  }
  log.warn({ folder }, 'The index is being made anew from its journal and the segments.');
  const rebuilt = await rebuildIndex({ folder, disk, log, format: formatRecord(FORMAT) });
  log.warn({ folder, ...rebuilt }, 'The index has been made anew; the damaged one is kept in lost+found.');
  return { table: await disk.openTable(path, 'existing'), rebuilt };
}

/** Whether no start of a node on this folder ever ended: LevelDB does not sync its first files one after the other. */
async function isFirstStart({ folder, disk }: DatabaseOptions): Promise<boolean> {
  const names = await disk.files.list(folder);
  return !names.some((name) => ['segments', 'journal', 'blocks'].includes(name));
}
