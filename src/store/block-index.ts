import type { Appended } from './appender.js';
import type { BlockName, Location } from './block-record.js';
import type { QueuedChange } from './commit-queue.js';
import { blockKey, kindRange, recordKey, segmentRange, slotRange } from './index-keys.js';
import { paged, straight } from './paging.js';
import type { Table, TableChange } from './table.js';

const PAGE_ENTRIES = 1024;

/** A record of the log that the index names. */
export interface NamedRecord {
  readonly name: BlockName;
  readonly location: Location;
}

/*
 * Each block in the log has two entries in the index, always written in one batch: by block, to read it, and by place,
 * to see what a segment holds. docs/disk-format.md lists them.
 */

/** `written`: the record, where it may not be durable yet. */
export function nameRecord({ name, location }: NamedRecord, written?: Appended): QueuedChange[] {
  const place = Buffer.allocUnsafe(12);
  place.writeUInt32BE(location.segment, 0);
  place.writeUInt32BE(location.offset, 4);
  place.writeUInt32BE(location.length, 8);
  const holds = Buffer.allocUnsafe(16);
  holds.writeBigUInt64BE(BigInt(name.slot), 0);
  holds.writeUInt32BE(name.index, 8);
  holds.writeUInt32BE(location.length, 12);
  return [
    { type: 'put', key: blockKey('block', name.slot, name.index), value: place },
    { type: 'put', key: recordKey(location.segment, location.offset), value: holds, ...(written && { written }) },
  ];
}

export function unnameRecord({ name, location }: NamedRecord): TableChange[] {
  return [{ type: 'del', key: blockKey('block', name.slot, name.index) }, unplaceRecord(location)];
}

/** The block is elsewhere now. */
export function unplaceRecord({ segment, offset }: Location): TableChange {
  return { type: 'del', key: recordKey(segment, offset) };
}

export async function findBlock(table: Table, { slot, index }: BlockName): Promise<Location | undefined> {
  const place = await table.get(blockKey('block', slot, index));
  return place && decodePlace(place);
}

/** Records of one slot, by block. */
export async function* recordsOfSlot(table: Table, slot: number): AsyncGenerator<NamedRecord> {
  for await (const [key, place] of paged(() => table, slotRange('block', slot), straight, PAGE_ENTRIES)) {
    yield { name: { slot, index: key.readUInt32BE(9) }, location: decodePlace(place) };
  }
}

/** Keys of the blocks of a slot that are in the index themselves. */
export async function inlineKeys(table: Table, slot: number): Promise<Buffer[]> {
  return await table.keys({ ...slotRange('inlineBlock', slot), limit: Number.MAX_SAFE_INTEGER });
}

/** Every record that the index names, by place. */
export async function* allRecords(table: Table): AsyncGenerator<NamedRecord> {
  for await (const entry of paged(() => table, kindRange('record'), straight, PAGE_ENTRIES)) yield decodeHolds(entry);
}

/** The last `limit` records of a segment, last first. */
export async function lastRecords(table: Table, segment: number, limit: number): Promise<NamedRecord[]> {
  const entries = await table.entries({ ...segmentRange(segment), reverse: true, limit });
  return entries.map(decodeHolds);
}

function decodePlace(place: Buffer): Location {
  return { segment: place.readUInt32BE(0), offset: place.readUInt32BE(4), length: place.readUInt32BE(8) };
}

/** What an entry by place says. */
export function decodeHolds([key, holds]: [Buffer, Buffer]): NamedRecord {
  return {
    name: { slot: Number(holds.readBigUInt64BE(0)), index: holds.readUInt32BE(8) },
    location: { segment: key.readUInt32BE(1), offset: key.readUInt32BE(5), length: holds.readUInt32BE(12) },
  };
}
