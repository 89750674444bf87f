import { mkdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { MurkyError } from '../errors.js';
import type { Clock } from '../seam/clock.js';
import type { Log } from '../seam/log.js';
import { CommitQueue } from './commit-queue.js';
import type { Disk } from './disk.js';
import { diskError } from './disk-error.js';
import { formatKey } from './index-keys.js';
import type { Table } from './table.js';

/** The layout that docs/disk-format.md describes. */
const FORMAT = 1;
const FORMAT_NAME = 'murky-waters store';

/** Opening a table writes what its log holds (at most one write buffer and a group) as a new file, then a new log. */
const REOPEN_NEEDS_BYTES = 64 * 2 ** 20;
/** A full disk is asked again at most this often. */
const REOPEN_PAUSE_MS = 1000;

/**
 * The two tables of a data folder and their commit queues. The index decides what exists; the blocks table only holds
 * what the index names.
 */
export class Database {
  readonly #indexQueue: CommitQueue;
  readonly #blocksQueue: CommitQueue;
  /** Why the tables are closed, while they could not be opened anew. */
  #down: MurkyError | undefined;
  #lastAttemptMs = Number.NEGATIVE_INFINITY;

  private constructor(
    private readonly folder: string,
    private readonly disk: Disk,
    private readonly clock: Clock,
    private readonly log: Log,
    private tables: { index: Table; blocks: Table },
  ) {
    this.#indexQueue = new CommitQueue(() => this.index);
    this.#blocksQueue = new CommitQueue(() => this.blocks);
  }

  static async open(folder: string, disk: Disk, clock: Clock, log: Log): Promise<Database> {
    try {
      await makeFolder(resolve(folder));
    } catch (error) {
      throw diskError(error, folder);
    }
    return new Database(folder, disk, clock, log, await openTables(folder, disk));
  }

  get index(): Table {
    if (this.#down) throw this.#down;
    return this.tables.index;
  }

  get blocks(): Table {
    if (this.#down) throw this.#down;
    return this.tables.blocks;
  }

  get indexQueue(): CommitQueue {
    return this.#indexQueue;
  }

  get blocksQueue(): CommitQueue {
    return this.#blocksQueue;
  }

  /** Why the tables take no changes any more; reads go on. */
  get failure(): MurkyError | undefined {
    return this.#indexQueue.failure ?? this.#blocksQueue.failure;
  }

  /**
   * Opens the tables anew after a failed write, once the disk has room again; rejects with the failure until then.
   * The caller is alone with the database. What the failed write left behind is for recovery to find.
   */
  async reopen(): Promise<void> {
    const failure = this.failure;
    if (!failure) return;
    if (this.clock.monotonic() - this.#lastAttemptMs < REOPEN_PAUSE_MS) throw failure;
    this.#lastAttemptMs = this.clock.monotonic();
    if (!(await this.disk.hasRoom(this.folder, REOPEN_NEEDS_BYTES))) throw failure;
    await this.close();
    this.#down = failure;
    this.tables = await openTables(this.folder, this.disk);
    this.#down = undefined;
    this.#indexQueue.resume();
    this.#blocksQueue.resume();
    this.log.info({ folder: this.folder }, 'The store takes writes again.');
  }

  async close(): Promise<void> {
    await this.tables.blocks.close();
    await this.tables.index.close();
  }
}

/** Node's own recursive mkdir never ends where a file system answers ENOENT in a folder that exists, as /proc does. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return;
    const parent = dirname(folder);
    if (code !== 'ENOENT' || parent === folder || (await exists(parent))) throw error;
    await makeFolder(parent);
    await mkdir(folder);
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

/** The index comes first: its lock is what keeps a second node out of the folder. */
async function openTables(folder: string, disk: Disk): Promise<{ index: Table; blocks: Table }> {
  const index = await disk.openTable(join(folder, 'index'), 'index');
  try {
    await checkFormat(index, folder);
    return { index, blocks: await disk.openTable(join(folder, 'blocks'), 'blocks') };
  } catch (error) {
    await index.close().catch(() => {});
    throw error;
  }
}

async function checkFormat(index: Table, folder: string): Promise<void> {
  const found = await index.get(formatKey());
  if (found) {
    const { name, format } = parseFormat(found);
    if (name === FORMAT_NAME && format === FORMAT) return;
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
  const value = Buffer.from(`${FORMAT_NAME} ${FORMAT}`);
  await index.batch([{ type: 'put', key: formatKey(), value }], true);
}

function parseFormat(value: Buffer): { name: string; format: number } {
  const text = value.toString('latin1');
  const at = text.lastIndexOf(' ');
  return { name: text.slice(0, at), format: Number(text.slice(at + 1)) };
}
