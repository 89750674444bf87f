import { join } from 'node:path';
import { blockCount } from '../object/manifest.js';
import type { Log } from '../seam/log.js';
import { allEnded } from './all-ended.js';
import { nameRecord } from './block-index.js';
import { INLINE_BYTES } from './block-table.js';
import type { Database } from './database.js';
import type { Disk } from './disk.js';
import { blockKey, kindRange } from './index-keys.js';
import { paged, straight } from './paging.js';
import type { Table, TableChange } from './table.js';
import { VersionIndex } from './version-index.js';

/** Bounds what is in memory, and how often the index is synced. */
const GROUP_BYTES = 8 * 2 ** 20;
const PROGRESS_BYTES = 2 ** 30;
const PAGE_ENTRIES = 1024;
/** Kinds of records that only format 1 has: doomed slots, and the lowest slot of an unfinished write. */
const RETIRED = ['d', 's'];

interface UpgradeParts {
  readonly folder: string;
  readonly disk: Disk;
  readonly log: Log;
  readonly database: Database;
  /** The record that makes the folder one of the new format. */
  readonly format: TableChange;
}

/**
 * Brings a folder from format 1, which kept all blocks in a LevelDB `blocks`, to format 2. Blocks are copied into the
 * block log and the index; then one batch changes the number of the format. A crash before it leaves a folder of format
 * 1, and the next start begins again. The disk must have room for both copies.
 */
export async function upgradeFormat1({ folder, disk, log, database, format }: UpgradeParts): Promise<void> {
  log.info({ folder }, 'The folder is being upgraded from format 1 to format 2.');
  await forgetCopies(database.index);
  await database.blockLog.settle(none());
  const before = await disk.openTable(join(folder, 'blocks'), 'new');
  let bytes = 0;
  try {
    let told = 0;
    for await (const group of groups(database, before)) {
      bytes += await copy(database, group);
      if (bytes - told >= PROGRESS_BYTES) {
        told = bytes;
        log.info({ folder, bytes }, 'The upgrade goes on.');
      }
    }
  } finally {
    await before.close();
  }
  const changes: TableChange[] = [format];
  for (const letter of RETIRED) {
    const range = { gte: Buffer.from(letter), lt: Buffer.from(String.fromCharCode(letter.charCodeAt(0) + 1)) };
    for await (const [key] of paged(() => database.index, range, straight, PAGE_ENTRIES)) {
      changes.push({ type: 'del', key });
    }
  }
  await database.index.batch(changes, true);
  log.info({ folder, bytes }, 'The folder has been upgraded to format 2.');
}

interface OldBlock {
  readonly slot: number;
  readonly index: number;
  readonly bytes: Buffer;
}

/** What an upgrade that was interrupted has left in the index; its segments hold nothing that is named then. */
async function forgetCopies(index: Table): Promise<void> {
  for (const kind of ['block', 'inlineBlock', 'record'] as const) {
    for (;;) {
      const keys = await index.keys({ ...kindRange(kind), limit: PAGE_ENTRIES });
      if (keys.length === 0) break;
      await index.batch(
        keys.map((key) => ({ type: 'del', key })),
        true,
      );
    }
  }
}

/** The blocks that records name, as far as they are there, in groups of bounded size. */
async function* groups(database: Database, blocks: Table): AsyncGenerator<OldBlock[]> {
  const index = new VersionIndex(database);
  let group: OldBlock[] = [];
  let bytes = 0;
  for (const kind of ['current', 'overwritten'] as const) {
    for await (const record of index.records(kind, straight)) {
      if (record instanceof Error) continue; // Its slot is not known; recovery reports it.
      for (let at = 0; at < blockCount(record.size, record.blockBytes); at++) {
        const block = await blocks.get(blockKey('block', record.slot, at).subarray(1));
        if (!block) continue;
        group.push({ slot: record.slot, index: at, bytes: block });
        bytes += block.length;
        if (bytes >= GROUP_BYTES || group.length >= PAGE_ENTRIES) {
          yield group;
          group = [];
          bytes = 0;
        }
      }
    }
  }
  if (group.length > 0) yield group;
}

async function copy(database: Database, group: readonly OldBlock[]): Promise<number> {
  const changes = await allEnded(
    group.map(async ({ slot, index, bytes }): Promise<TableChange[]> => {
      if (bytes.length <= INLINE_BYTES) {
        return [{ type: 'put', key: blockKey('inlineBlock', slot, index), value: bytes }];
      }
      const name = { slot, index };
      const { location, settled } = await database.blockLog.append(name, bytes);
      await settled;
      return nameRecord({ name, location });
    }),
  );
  await database.index.batch(changes.flat(), true);
  return group.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

async function* none(): AsyncGenerator<never> {}
