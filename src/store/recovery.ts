import type { MurkyError } from '../errors.js';
import type { Clock } from '../seam/clock.js';
import type { Log } from '../seam/log.js';
import type { RecordInUse } from './block-log.js';
import type { BlockTable } from './block-table.js';
import type { Budget } from './budget.js';
import type { Database } from './database.js';
import { straight } from './paging.js';
import type { Retention } from './retention.js';
import type { Slots } from './slots.js';
import type { UnfinishedWrites } from './unfinished-writes.js';
import type { VersionIndex } from './version-index.js';
import type { VersionRecord } from './version-record.js';

export interface RecoveryParts {
  readonly database: Database;
  readonly index: VersionIndex;
  readonly blocks: BlockTable;
  readonly budget: Budget;
  readonly slots: Slots;
  readonly retention: Retention;
  readonly unfinished: UnfinishedWrites;
  readonly clock: Clock;
  readonly log: Log;
}

/** A writer that was at work when the database had to be opened anew; none at start-up. */
export interface UnfinishedWriter {
  readonly slot: number;
  readonly bytes: number;
}

/**
 * Brings memory and disk into agreement: counts what the records name, and cuts what nothing names off the block log.
 * Reads records only, no block; the steps are in docs/disk-format.md. The caller is alone with the database, but
 * writers may begin meanwhile.
 */
export async function recover(parts: RecoveryParts, writers: () => readonly UnfinishedWriter[]): Promise<void> {
  const { database, index, blocks, budget, slots, unfinished, log } = parts;
  budget.reset();
  const versions = new Set<number>();
  let highest = 0;
  let inlineBytes = 0;
  const note = (slot: number, bytes: number) => {
    highest = Math.max(highest, slot);
    versions.add(slot);
    inlineBytes += bytes;
  };
  for await (const record of sound(index.records('current', straight), log)) {
    note(record.slot, record.size);
    budget.found(record.size, record.role);
    budget.count(record, 1);
  }
  const nowMs = Math.floor(parts.clock.now());
  for await (const record of sound(index.records('overwritten', straight), log)) {
    note(record.slot, record.size);
    budget.found(record.size, 'overwritten');
    if (record.timeMs > nowMs) await database.indexQueue.write(parts.retention.restart(record, nowMs), { sync: false });
  }
  for (const { slot, bytes } of writers()) {
    highest = Math.max(highest, slot);
    // Theirs in the log are no measure: the index may still name one that is being written again.
    inlineBytes += blocks.heldBytes(slot);
    budget.found(bytes, 'other');
  }
  const atWork = new Set(writers().map(({ slot }) => slot));
  blocks.keepUnnamed(atWork);
  await unfinished.load(atWork);
  async function* records(): AsyncGenerator<RecordInUse> {
    for await (const record of blocks.recordsInUse()) {
      highest = Math.max(highest, record.name.slot);
      if (versions.has(record.name.slot)) inlineBytes -= record.location.length;
      else unfinished.found(record.name.slot, record.location.length);
      yield record;
    }
  }
  await database.blockLog.settle(records());
  // What is not in the log is in the index.
  budget.foundOnDisk(inlineBytes, 0);
  slots.restart(highest + 1);
}

async function* sound(records: AsyncIterable<VersionRecord | MurkyError>, log: Log): AsyncGenerator<VersionRecord> {
  for await (const record of records) {
    if (record instanceof Error) log.error({ ...record.facts }, record.message);
    else yield record;
  }
}
