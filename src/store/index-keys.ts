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

const LETTER = Object.fromEntries(Object.entries(KIND).map(([kind, letter]) => [kind, letter.charCodeAt(0)])) as Record<
  Kind,
  number
>;

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

const MAX_U32 = 2 ** 32 - 1;

/** Of a letter, so many numbers of 8 or of 4 bytes, and bytes behind them. A key is short-lived, so from Node's pool. */
function key(kind: Kind, u64s: readonly (bigint | number)[], u32s: readonly number[] = [], rest?: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(1 + 8 * u64s.length + 4 * u32s.length + (rest?.length ?? 0));
  bytes[0] = LETTER[kind];
  let at = 1;
  for (const value of u64s) at = writeU64(bytes, value, at);
  for (const value of u32s) at = bytes.writeUInt32BE(value, at);
  if (rest) bytes.set(rest, at);
  return bytes;
}

function writeU64(bytes: Buffer, value: bigint | number, at: number): number {
  if (typeof value === 'bigint') return bytes.writeBigUInt64BE(value, at);
  // Half by half: a number costs no bigint then.
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  return bytes.writeUInt32BE(value % 2 ** 32, at + 4);
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
export const currentKey = (id: bigint): Buffer => key('current', [id]);
export const overwrittenKey = (id: bigint, version: Uint8Array): Buffer => key('overwritten', [id], [], version);
export const manifestKey = (slot: number): Buffer => key('manifest', [slot]);
export const blockKey = (kind: 'block' | 'inlineBlock', slot: number, index: number): Buffer =>
  key(kind, [slot], [index]);
export const unfinishedKey = (slot: number): Buffer => key('unfinished', [slot]);
/** All blocks of a slot. */
export const slotRange = (kind: 'block' | 'inlineBlock', slot: number): { gte: Buffer; lt: Buffer } => ({
  gte: key(kind, [slot]),
  lt: key(kind, [slot + 1]),
});
export const recordKey = (segment: number, offset: number): Buffer => key('record', [], [segment, offset]);
/** All records of a segment. */
export const segmentRange = (segment: number): { gte: Buffer; lt: Buffer } => ({
  gte: key('record', [], [segment]),
  lt: segment === MAX_U32 ? kindRange('record').lt : key('record', [], [segment + 1]),
});
/** `place` is that of use-order.ts. */
export const byUseKey = (place: number, id: bigint): Buffer => key('byUse', [place, id]);
export const byExpiryKey = (overwrittenAt: number, id: bigint, version: Uint8Array): Buffer =>
  key('byExpiry', [overwrittenAt, id], [], version);
export const textKey = (kind: 'byKey' | 'fact', text: string): Buffer => key(kind, [], [], Buffer.from(text, 'utf8'));

/** The unsigned 64-bit field that starts `offset` bytes behind the letter. */
export const fieldBigInt = (bytes: Buffer, offset = 0): bigint => bytes.readBigUInt64BE(1 + offset);
export const fieldNumber = (bytes: Buffer, offset = 0): number => Number(fieldBigInt(bytes, offset));
export const fieldText = (bytes: Buffer): string => bytes.toString('utf8', 1);
export const fieldBytes = (bytes: Buffer, offset: number): Buffer => bytes.subarray(1 + offset);
