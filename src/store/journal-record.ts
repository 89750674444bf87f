import { crc32 } from 'node:zlib';
import type { StoreFile } from './files.js';
import type { TableChange } from './table.js';

/** "MWJR": Murky Waters journal record. */
const MAGIC = 0x4d574a52;
const MAGIC_BYTES = Buffer.from('MWJR');
const HEADER_BYTES = 20;
/** Of a change, before its key and value. */
const CHANGE_BYTES = 7;
/** A group of changes is at most 8 MiB, or one call's: the largest is the commit of a manifest of 8 MiB. */
const MAX_BODY_BYTES = 64 * 2 ** 20;
const SEARCH_BYTES = 2 ** 20;
/** What follows the record was written when it was on the disk. */
const SYNCED = 1;
const OP_DEL = 0;
const OP_PUT = 1;
/** A put of an entry that says where a block is, whose bytes were not synced yet when this was written. */
const OP_PUT_UNSYNCED = 2;

/** 'end' closes a snapshot that is whole. 'closed' is of format 3, and says nothing any more. */
export type JournalKind = 'changes' | 'end' | 'closed';
const KINDS: readonly JournalKind[] = ['changes', 'end', 'closed'];

/** `unsynced`: an entry by place, of a block whose record was written but perhaps not on the disk. */
export type JournalChange = TableChange & { readonly unsynced?: boolean };

/** Hears of bytes that are no sound record. `atEnd`: nothing stands behind them, as where the power went in a write. */
export type Damaged = (bytes: number, atEnd: boolean) => void;

export interface JournalRecord {
  readonly kind: JournalKind;
  readonly changes: readonly JournalChange[];
  /** Where the record ends in its file. */
  readonly end: number;
}

/** docs/disk-format.md has the tables of offsets. */
export function encodeJournalRecord(
  kind: JournalKind,
  changes: readonly JournalChange[],
): [header: Buffer, changes: Buffer] {
  // In one piece of memory: a group has some hundred changes.
  const bodyBytes = changes.reduce((sum, change) => sum + CHANGE_BYTES + change.key.length + valueBytes(change), 0);
  const record = Buffer.allocUnsafe(HEADER_BYTES + bodyBytes);
  let at = HEADER_BYTES;
  for (const change of changes) {
    record.writeUInt8(change.type === 'del' ? OP_DEL : change.unsynced ? OP_PUT_UNSYNCED : OP_PUT, at);
    record.writeUInt16BE(change.key.length, at + 1);
    record.writeUInt32BE(valueBytes(change), at + 3);
    record.set(change.key, at + CHANGE_BYTES);
    at += CHANGE_BYTES + change.key.length;
    if (change.type === 'put') record.set(change.value, at);
    at += valueBytes(change);
  }
  record.writeUInt32BE(MAGIC, 0);
  record.writeUInt8(KINDS.indexOf(kind), 4);
  record.writeUInt8(SYNCED, 5);
  record.writeUInt16BE(0, 6);
  record.writeUInt32BE(bodyBytes, 8);
  const body = record.subarray(HEADER_BYTES);
  record.writeUInt32BE(crc32(body), 12);
  record.writeUInt32BE(crc32(record.subarray(0, 16)), 16);
  return [record.subarray(0, HEADER_BYTES), body];
}

const valueBytes = (change: TableChange): number => (change.type === 'put' ? change.value.length : 0);

/** Whether the changes of a record may have one within them, for who finds its header torn: values are anybody's. */
export const resembleRecords = (changes: Buffer): boolean => changes.includes(MAGIC_BYTES);

/**
 * The records of a file from byte `from` on. What is damaged is passed over, as far as a sound header says, or up to the
 * next one; `damaged` hears how many bytes. What the file ends in, cut short, counts too.
 */
export async function* readJournal(file: StoreFile, from: number, damaged: Damaged): AsyncGenerator<JournalRecord> {
  const size = await file.size();
  let at = from;
  while (at < size) {
    const record = await readRecord(file, at);
    if (record) {
      at = record.end;
      yield record;
    } else {
      const header = await file.read(at, HEADER_BYTES);
      // What looks like a record within a value is none.
      const end = soundHeader(header, 0) ? at + HEADER_BYTES + header.readUInt32BE(8) : await findHeader(file, at);
      const next = Math.min(size, end);
      damaged(next - at, next === size);
      at = next;
    }
  }
}

/** Whether the file is a snapshot that was written to its end. */
export async function endsSnapshot(file: StoreFile): Promise<boolean> {
  const record = await readRecord(file, Math.max(0, (await file.size()) - HEADER_BYTES));
  return record?.kind === 'end';
}

async function readRecord(file: StoreFile, at: number): Promise<JournalRecord | undefined> {
  const header = await file.read(at, HEADER_BYTES);
  if (!soundHeader(header, 0)) return undefined;
  const length = header.readUInt32BE(8);
  const body = await file.read(at + HEADER_BYTES, length);
  if (body.length !== length || crc32(body) !== header.readUInt32BE(12)) return undefined;
  const kind = KINDS[header.readUInt8(4)];
  const changes = decodeChanges(body);
  if (!kind || !changes) return undefined;
  return { kind, changes, end: at + HEADER_BYTES + length };
}

function soundHeader(bytes: Buffer, at: number): boolean {
  return (
    at + HEADER_BYTES <= bytes.length &&
    bytes.readUInt32BE(at) === MAGIC &&
    bytes.readUInt32BE(at + 16) === crc32(bytes.subarray(at, at + 16)) &&
    bytes.readUInt32BE(at + 8) <= MAX_BODY_BYTES
  );
}

function decodeChanges(body: Buffer): JournalChange[] | undefined {
  const changes: JournalChange[] = [];
  let at = 0;
  while (at < body.length) {
    if (at + CHANGE_BYTES > body.length) return undefined;
    const op = body.readUInt8(at);
    const keyEnd = at + CHANGE_BYTES + body.readUInt16BE(at + 1);
    const valueEnd = keyEnd + body.readUInt32BE(at + 3);
    if (valueEnd > body.length || op > OP_PUT_UNSYNCED) return undefined;
    const key = body.subarray(at + CHANGE_BYTES, keyEnd);
    const value = body.subarray(keyEnd, valueEnd);
    changes.push(op === OP_DEL ? { type: 'del', key } : { type: 'put', key, value, unsynced: op === OP_PUT_UNSYNCED });
    at = valueEnd;
  }
  return changes;
}

/** Where the next sound header behind `at` starts, or the end of the file. */
async function findHeader(file: StoreFile, at: number): Promise<number> {
  let from = at + 1;
  for (;;) {
    const bytes = await file.read(from, SEARCH_BYTES);
    for (let found = bytes.indexOf(MAGIC_BYTES); found >= 0; found = bytes.indexOf(MAGIC_BYTES, found + 1)) {
      if (soundHeader(bytes, found)) return from + found;
    }
    if (bytes.length < SEARCH_BYTES) return from + bytes.length;
    // A header that lies across the end of these bytes is found from its own beginning.
    from += SEARCH_BYTES - HEADER_BYTES + 1;
  }
}
