import { join, resolve } from 'node:path';
import { MurkyError } from '../errors.js';
import { findBlock } from './block-index.js';
import { decodeRecord as decodeBlock, recordBytes } from './block-record.js';
import type { Disk } from './disk.js';
import { type Files, readOnly } from './files.js';
import { FORMAT, formatOf } from './format.js';
import { blockKey } from './index-keys.js';
import { applyRecords, journalRecords, positionOf } from './journal-replay.js';
import { SegmentFiles } from './segment-files.js';
import type { Table, TableMirror } from './table.js';

/** The folder of a stopped node, for reading alone; its lock is held until `close`. */
export class StoppedFolder {
  readonly files: Files;
  readonly #segments: SegmentFiles;

  private constructor(
    readonly path: string,
    private readonly mirror: TableMirror,
    disk: Disk,
  ) {
    this.files = readOnly(disk.files);
    this.#segments = new SegmentFiles(this.files, join(path, 'segments'));
  }

  /** MURKY_DATA_DIR_LOCKED if a node runs on it; MURKY_DATA_DIR_UNUSABLE if it is not a node's. */
  static async open(path: string, disk: Disk): Promise<StoppedFolder> {
    if (!(await disk.files.list(path).catch(() => [])).some((name) => ['index', 'journal'].includes(name))) {
      throw new MurkyError('MURKY_DATA_DIR_UNUSABLE', `There is no node's data in ${path}.`, {
        hint: 'Name the folder that is data-dir in the configuration.',
        facts: { folder: path },
      });
    }
    return new StoppedFolder(path, await disk.mirrorTable(resolve(path, 'index')), disk);
  }

  /** The index as LevelDB has it, or why it has none. */
  get table(): Table | MurkyError {
    return this.mirror.table;
  }

  /**
   * The index as the next start will have it; undefined if it is empty. Rejects with why it cannot be read;
   * MURKY_DATA_DIR_UNUSABLE if it is of another format.
   */
  async index(): Promise<Table | undefined> {
    const { table } = this.mirror;
    if (table instanceof MurkyError) throw table;
    const format = await formatOf(table, this.path);
    if (format === undefined) return undefined;
    if (format < FORMAT) {
      throw new MurkyError('MURKY_DATA_DIR_UNUSABLE', `The folder ${this.path} is of format ${format}, an older one.`, {
        hint: 'murky repair brings it to the present one, as does the next start of its node.',
        facts: { folder: this.path, format },
      });
    }
    // What a crash kept from the index. The table is a copy.
    const from = await positionOf(table);
    if (from)
      await applyRecords(
        table,
        journalRecords(this.files, this.path, () => {}, { from }),
      );
    return table;
  }

  /** The bytes of a block as they are; undefined if it is missing, or its record is damaged. */
  async block(index: Table, slot: number, block: number): Promise<Buffer | undefined> {
    const small = await index.get(blockKey('inlineBlock', slot, block));
    if (small) return small;
    const location = await findBlock(index, { slot, index: block });
    if (!location) return undefined;
    const { segment, offset, length } = location;
    try {
      const record = await this.#segments.use(segment, (file) => file.read(offset, recordBytes(length)));
      return decodeBlock(record, { slot, index: block }, length);
    } catch {
      return undefined; // the segment is missing, or the disk cannot read it
    }
  }

  async close(): Promise<void> {
    await this.#segments.closeAll();
    await this.mirror.close();
  }
}
