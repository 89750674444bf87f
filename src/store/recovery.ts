import type { MurkyError } from '../errors.js';
import type { Clock } from '../seam/clock.js';
import type { Log } from '../seam/log.js';
import type { BlockTable } from './block-table.js';
import type { Budget } from './budget.js';
import type { Database } from './database.js';
import { fieldNumber, kindRange, sweptSlotsKey } from './index-keys.js';
import { paged, straight } from './paging.js';
import type { Reclaimer } from './reclaimer.js';
import type { Retention } from './retention.js';
import type { Slots } from './slots.js';
import type { VersionIndex } from './version-index.js';
import type { VersionRecord } from './version-record.js';

const PAGE_NOTES = 256;

export interface RecoveryParts {
  readonly database: Database;
  readonly index: VersionIndex;
  readonly blocks: BlockTable;
  readonly budget: Budget;
  readonly slots: Slots;
  readonly reclaimer: Reclaimer;
  readonly retention: Retention;
  readonly clock: Clock;
  readonly log: Log;
}

/** A writer that was at work when the database had to be opened anew; none at start-up. */
export interface UnfinishedWriter {
  readonly slot: number;
  readonly bytes: number;
}

/**
 * Brings memory and disk into agreement: counts what the records name, finishes removals that were under way, and
 * deletes the blocks of unfinished writes. Reads records only, no block; the steps are in docs/disk-format.md. The caller
 * is alone with the database, but writers may begin meanwhile.
 */
export async function recover(parts: RecoveryParts, writers: () => readonly UnfinishedWriter[]): Promise<void> {
  const { database, index, budget, slots, log } = parts;
  budget.reset();
  const swept = await database.index.get(sweptSlotsKey());
  const sweptBelow = swept ? Number(swept.readBigUInt64BE(0)) : 1;
  const named = new Set<number>();
  let highest = sweptBelow - 1;
  const note = (slot: number) => {
    highest = Math.max(highest, slot);
    if (slot >= sweptBelow) named.add(slot);
  };
  for await (const record of sound(index.records('current', straight), log)) {
    note(record.slot);
    budget.found(record.size, record.role);
    budget.count(record, 1);
  }
  const nowMs = Math.floor(parts.clock.now());
  for await (const record of sound(index.records('overwritten', straight), log)) {
    note(record.slot);
    budget.found(record.size, 'other');
    if (record.timeMs > nowMs) await database.indexQueue.write(parts.retention.restart(record, nowMs), { sync: false });
  }
  for (const writer of writers()) {
    note(writer.slot);
    budget.found(writer.bytes, 'other');
  }
  // Before anything is deleted: the number of a slot that had blocks is not given out again.
  highest = Math.max(highest, (await parts.blocks.lastSlot()) ?? 0);
  await finishRemovals(parts);
  await sweep(parts, sweptBelow, named);
  slots.restart(
    highest + 1,
    writers().map((writer) => writer.slot),
  );
}

async function finishRemovals({ database, reclaimer, log }: RecoveryParts): Promise<void> {
  let blocks = 0;
  for await (const [key, value] of paged(() => database.index, kindRange('doomed'), straight, PAGE_NOTES)) {
    await reclaimer.finish(fieldNumber(key), value.readUInt32BE(0));
    blocks += value.readUInt32BE(0);
  }
  if (blocks > 0) log.info({ blocks }, 'Finished removals that had been interrupted.');
}

/** Deletes the blocks of every slot from `from` on that no record names. Goes from slot to slot, not block to block. */
async function sweep({ blocks, log }: RecoveryParts, from: number, named: ReadonlySet<number>): Promise<void> {
  let writes = 0;
  let removed = 0;
  for (let slot = await blocks.firstSlotFrom(from); slot !== undefined; slot = await blocks.firstSlotFrom(slot + 1)) {
    if (named.has(slot)) continue;
    removed += await blocks.clear(slot);
    writes++;
  }
  if (writes > 0) log.info({ writes, blocks: removed }, 'Removed the blocks of unfinished writes.');
}

async function* sound(records: AsyncIterable<VersionRecord | MurkyError>, log: Log): AsyncGenerator<VersionRecord> {
  for await (const record of records) {
    if (record instanceof Error) log.error({ ...record.facts }, record.message);
    else yield record;
  }
}
