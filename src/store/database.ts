import { join, resolve } from 'node:path';
import { MurkyError } from '../errors.js';
import type { Clock } from '../seam/clock.js';
import type { Log } from '../seam/log.js';
import { BlockLog } from './block-log.js';
import type { Budget } from './budget.js';
import { CommitQueue } from './commit-queue.js';
import type { Disk } from './disk.js';
import { diskError } from './disk-error.js';
import { formatKey } from './index-keys.js';
import type { Table, TableChange } from './table.js';
import { upgradeFormat1 } from './upgrade-format-1.js';

/** The layout that docs/disk-format.md describes. */
const FORMAT = 2;
const FORMAT_NAME = 'murky-waters store';

/** Opening a table writes what its log holds (at most one write buffer and a group) as a new file, then a new log. */
const REOPEN_NEEDS_BYTES = 64 * 2 ** 20;
/** A full disk is asked again at most this often. */
const REOPEN_PAUSE_MS = 1000;

export interface DatabaseOptions {
  readonly folder: string;
  readonly disk: Disk;
  readonly budget: Budget;
  /** Most bytes of a segment of the block log, unless one record alone is larger. */
  readonly segmentBytes: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Told when the block log may have room to give back. */
  readonly onDead: () => void;
}

/**
 * What is in a data folder: the index with its commit queue, and the block log. The index decides what exists; the log
 * only holds what the index names.
 */
export class Database {
  readonly indexQueue: CommitQueue;
  readonly blockLog: BlockLog;
  /** Why the index is closed, while it could not be opened anew. */
  #down: MurkyError | undefined;
  #lastAttemptMs = Number.NEGATIVE_INFINITY;

  private constructor(
    private readonly options: DatabaseOptions,
    private table: Table,
  ) {
    const { disk, folder, segmentBytes, budget, log, onDead } = options;
    this.indexQueue = new CommitQueue(() => this.index);
    this.blockLog = new BlockLog(disk.files, join(folder, 'segments'), segmentBytes, budget, log, onDead);
  }

  /** The block log takes blocks once recovery has settled it. */
  static async open(options: DatabaseOptions): Promise<Database> {
    const { folder, disk, log } = options;
    try {
      await disk.makeFolder(resolve(folder));
    } catch (error) {
      throw diskError(error, folder);
    }
    // The lock of the index is what keeps a second node out of the folder.
    const table = await disk.openTable(join(folder, 'index'));
    const database = new Database(options, table);
    try {
      if ((await readFormat(table, folder)) === 1) {
        await upgradeFormat1({ folder, disk, log, database, format: formatRecord() });
      }
      await disk.removeTable(join(folder, 'blocks'));
    } catch (error) {
      await database.close().catch(() => {});
      throw error;
    }
    return database;
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
    this.table = await disk.openTable(join(folder, 'index'));
    this.#down = undefined;
    this.indexQueue.resume();
    log.info({ folder }, 'The store takes writes again.');
  }

  async close(): Promise<void> {
    await this.blockLog.close();
    await this.table.close();
  }
}

/** The format of the folder, which is given this one if it is new; MURKY_DATA_DIR_UNUSABLE if it is not a node's. */
async function readFormat(index: Table, folder: string): Promise<number> {
  const found = await index.get(formatKey());
  if (found) {
    const { name, format } = parseFormat(found);
    if (name === FORMAT_NAME && (format === 1 || format === FORMAT)) return format;
    if (name === FORMAT_NAME && format > FORMAT) {
      throw new MurkyError(
        'MURKY_DATA_DIR_UNUSABLE',
        `The folder ${folder} was written by a newer Murky Waters: its format is ${format}, this one knows ${FORMAT}.`,
        { hint: 'Run the newer version, or give this node another folder (data-dir).', facts: { folder, format } },
      );
    }
  }
  if (found || (await index.keys({ gte: Buffer.alloc(0), limit: 1 })).length > 0) {
    throw new MurkyError('MURKY_DATA_DIR_UNUSABLE', `The folder ${folder} holds a database, but not one of a node.`, {
      hint: 'Give the node another folder (data-dir).',
      facts: { folder },
    });
  }
  await index.batch([formatRecord()], true);
  return FORMAT;
}

function formatRecord(): TableChange {
  return { type: 'put', key: formatKey(), value: Buffer.from(`${FORMAT_NAME} ${FORMAT}`) };
}

function parseFormat(value: Buffer): { name: string; format: number } {
  const text = value.toString('latin1');
  const at = text.lastIndexOf(' ');
  return { name: text.slice(0, at), format: Number(text.slice(at + 1)) };
}
