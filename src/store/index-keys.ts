/**
 * Keys of the index table: one letter for the kind of record, then fields whose byte order is the order that the
 * record is read in. docs/disk-format.md lists them.
 */
const KIND = {
  format: 'F',
  current: 'r',
  overwritten: 'o',
  manifest: 'm',
  byKey: 'k',
  byUse: 'u',
  byExpiry: 'x',
  block: 'b',
  inlineBlock: 'v',
  record: 'g',
  unfinished: 'p',
  fact: 'f',
  journal: 'j',
  frequency: 'q',
} as const;

export type Kind = keyof typeof KIND;

const FORMAT_KEY = Buffer.from(KIND.format);
const JOURNAL_KEY = Buffer.from(KIND.journal);
const FREQUENCY_KEY = Buffer.from(KIND.frequency);

/** What nothing else tells: the other kinds follow from these, or, for blocks, from the segments. */
export const ESSENTIAL = ['current', 'overwritten', 'manifest', 'fact'] as const satisfies readonly Kind[];

const lettersOf = (kinds: readonly Kind[]) => new Set(kinds.map((kind) => KIND[kind].charCodeAt(0)));
const NOT_JOURNALED = lettersOf(['format', 'journal', 'frequency']);
const REBUILT_FROM_JOURNAL = lettersOf([...ESSENTIAL, 'inlineBlock']);

/** Changes of these are in the journal before they are in the index. */
export const isJournaled = (key: Uint8Array): boolean => !NOT_JOURNALED.has(key[0]!);
/** What an index that is made anew takes from the journal. */
export const isRebuiltFromJournal = (key: Uint8Array): boolean => REBUILT_FROM_JOURNAL.has(key[0]!);

function u64(value: bigint | number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

const MAX_U32 = 2 ** 32 - 1;

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function key(kind: Kind, ...parts: Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from(KIND[kind]), ...parts]);
}

/** All keys of a kind: from `gte` up to, not including, `lt`. */
export function kindRange(kind: Kind): { gte: Buffer; lt: Buffer } {
  const lt = Buffer.from(KIND[kind]);
  lt[0]! += 1;
  return { gte: Buffer.from(KIND[kind]), lt };
}

/** Keys of a kind that start with `prefix`: UTF-8 has no byte 0xff, so that byte ends the range. */
export function textRange(kind: 'byKey' | 'fact', prefix: string): { gte: Buffer; lt: Buffer } {
  const gte = textKey(kind, prefix);
  return { gte, lt: Buffer.concat([gte, Buffer.from([0xff])]) };
}

export const formatKey = (): Buffer => FORMAT_KEY;
export const journalKey = (): Buffer => JOURNAL_KEY;
export const frequencyKey = (): Buffer => FREQUENCY_KEY;
export const currentKey = (id: bigint): Buffer => key('current', u64(id));
export const overwrittenKey = (id: bigint, version: Uint8Array): Buffer => key('overwritten', u64(id), version);
export const manifestKey = (slot: number): Buffer => key('manifest', u64(slot));
export const blockKey = (kind: 'block' | 'inlineBlock', slot: number, index: number): Buffer =>
  key(kind, u64(slot), u32(index));
export const unfinishedKey = (slot: number): Buffer => key('unfinished', u64(slot));
/** All blocks of a slot. */
export const slotRange = (kind: 'block' | 'inlineBlock', slot: number): { gte: Buffer; lt: Buffer } => ({
  gte: key(kind, u64(slot)),
  lt: key(kind, u64(slot + 1)),
});
export const recordKey = (segment: number, offset: number): Buffer => key('record', u32(segment), u32(offset));
/** All records of a segment. */
export const segmentRange = (segment: number): { gte: Buffer; lt: Buffer } => ({
  gte: key('record', u32(segment)),
  lt: segment === MAX_U32 ? kindRange('record').lt : key('record', u32(segment + 1)),
});
/** `place` is that of use-order.ts. */
export const byUseKey = (place: number, id: bigint): Buffer => key('byUse', u64(place), u64(id));
export const byExpiryKey = (overwrittenAt: number, id: bigint, version: Uint8Array): Buffer =>
  key('byExpiry', u64(overwrittenAt), u64(id), version);
export const textKey = (kind: 'byKey' | 'fact', text: string): Buffer => key(kind, Buffer.from(text, 'utf8'));

/** The unsigned 64-bit field that starts `offset` bytes behind the letter. */
export const fieldBigInt = (bytes: Buffer, offset = 0): bigint => bytes.readBigUInt64BE(1 + offset);
export const fieldNumber = (bytes: Buffer, offset = 0): number => Number(fieldBigInt(bytes, offset));
export const fieldText = (bytes: Buffer): string => bytes.toString('utf8', 1);
export const fieldBytes = (bytes: Buffer, offset: number): Buffer => bytes.subarray(1 + offset);
