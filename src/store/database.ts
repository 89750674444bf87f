import { mkdir, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { MurkyError } from '../errors.js';
import type { Clock } from '../seam/clock.js';
import type { Log } from '../seam/log.js';
import { CommitQueue } from './commit-queue.js';
import { diskError } from './disk-error.js';
import { formatKey } from './index-keys.js';
import type { OpenTable, Table } from './table.js';

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
  #lastAttemptMs = Number.NEGATIVE_INFINITY;

  private constructor(
    private readonly folder: string,
    private readonly openTable: OpenTable,
    private readonly clock: Clock,
    private readonly log: Log,
    private tables: { index: Table; blocks: Table },
  ) {
    this.#indexQueue = new CommitQueue(() => this.tables.index);
    this.#blocksQueue = new CommitQueue(() => this.tables.blocks);
  }

  static async open(folder: string, openTable: OpenTable, clock: Clock, log: Log): Promise<Database> {
    try {
      await mkdir(folder, { recursive: true });
    } catch (error) {
      throw diskError(error, folder);
    }
    return new Database(folder, openTable, clock, log, await openTables(folder, openTable));
  }

  get index(): Table {
    return this.tables.index;
  }

  get blocks(): Table {
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
    if (!(await this.#hasRoom())) throw failure;
    await this.close();
    this.tables = await openTables(this.folder, this.openTable);
    this.#indexQueue.resume();
    this.#blocksQueue.resume();
    this.log.info({ folder: this.folder }, 'The store takes writes again.');
  }

  async close(): Promise<void> {
    await this.tables.blocks.close();
    await this.tables.index.close();
  }

  /** Free space does not tell of a quota, so the bytes are really written. */
  async #hasRoom(): Promise<boolean> {
    const probe = join(this.folder, 'probe');
    try {
      const { bavail, bsize } = await statfs(this.folder);
      if (bavail * bsize < REOPEN_NEEDS_BYTES) return false;
      const file = await open(probe, 'w');
      try {
        const chunk = Buffer.alloc(2 ** 20);
        for (let written = 0; written < REOPEN_NEEDS_BYTES; written += chunk.length) await file.write(chunk);
        await file.datasync();
      } finally {
        await file.close();
      }
      return true;
    } catch {
      return false;
    } finally {
      await rm(probe, { force: true }).catch(() => {});
    }
  }
}

/** The index comes first: its lock is what keeps a second node out of the folder. */
async function openTables(folder: string, openTable: OpenTable): Promise<{ index: Table; blocks: Table }> {
  const index = await openTable(join(folder, 'index'), 'index');
  try {
    await checkFormat(index, folder);
    return { index, blocks: await openTable(join(folder, 'blocks'), 'blocks') };
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
        { hint: 'Run the newer version, or give this node another folder (data-dir).', details: { folder, format } },
      );
    }
  }
  if (found || (await index.keys({ gte: Buffer.alloc(0), limit: 1 })).length > 0) {
    throw new MurkyError('MURKY_DATA_DIR_UNUSABLE', `The folder ${folder} holds a database, but not one of a node.`, {
      hint: 'Give the node another folder (data-dir).',
      details: { folder },
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
