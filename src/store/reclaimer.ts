import { blockCount } from '../object/manifest.js';
import type { BlockTable } from './block-table.js';
import type { Budget } from './budget.js';
import type { Compaction } from './compaction.js';
import type { Database } from './database.js';
import { doomedKey, manifestKey } from './index-keys.js';
import type { TableChange } from './table.js';
import type { VersionRecord } from './version-record.js';

type Removed = Pick<VersionRecord, 'slot' | 'size' | 'blockBytes'>;

const blocksOf = (version: Removed): number => blockCount(version.size, version.blockBytes);

/**
 * Gets rid of the blocks of versions whose records go. The two tables share no batch, so a note that the slot is
 * doomed takes the record's place, and goes when the blocks are gone: a crash in between leaves the note.
 */
export class Reclaimer {
  constructor(
    private readonly database: Database,
    private readonly blocks: BlockTable,
    private readonly budget: Budget,
    private readonly compaction: Compaction,
  ) {}

  /** Goes into the batch that removes the version's record. */
  doom(version: Removed): TableChange[] {
    const changes: TableChange[] = [{ type: 'del', key: manifestKey(version.slot) }];
    const blocks = blocksOf(version);
    if (blocks > 0) {
      const value = Buffer.alloc(4);
      value.writeUInt32BE(blocks);
      changes.push({ type: 'put', key: doomedKey(version.slot), value });
    }
    return changes;
  }

  /** After that batch: deletes the blocks, then the note. The bytes, on the account 'other', are free when it ends. */
  async reclaim(version: Removed): Promise<void> {
    await this.finish(version.slot, blocksOf(version));
    this.budget.release(version.size, 'other');
    this.compaction.freed(version.slot, version.size);
  }

  /** Deletes the blocks of a doomed slot, durably, and then the note; the note need not be synced. */
  async finish(slot: number, blocks: number): Promise<void> {
    if (blocks === 0) return;
    await this.blocks.delete(slot, blocks);
    await this.database.indexQueue.write([{ type: 'del', key: doomedKey(slot) }], { sync: false });
  }
}
