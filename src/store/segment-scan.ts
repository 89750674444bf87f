import type { NamedRecord } from './block-index.js';
import { decodeHeader, decodeRecord, HEADER_BYTES, type Location, MAGIC_BYTES, recordBytes } from './block-record.js';
import type { StoreFile } from './files.js';
import type { SegmentFiles } from './segment-files.js';

const SEARCH_BYTES = 2 ** 20;

/** The records of a segment as it is, one after the other, by their headers alone; what is damaged is passed over. */
export async function* recordsOfSegment(segments: SegmentFiles, segment: number): AsyncGenerator<NamedRecord> {
  const size = await segments.use(segment, (file) => file.size());
  let at = 0;
  while (at + HEADER_BYTES <= size) {
    const header = await segments.use(segment, (file) => file.read(at, HEADER_BYTES));
    const found = decodeHeader(header);
    if (found && at + recordBytes(found.length) <= size) {
      yield { name: found.name, location: { segment, offset: at, length: found.length } };
      at += recordBytes(found.length);
    } else {
      const from = at + 1;
      at = await segments.use(segment, (file) => findHeader(file, from, size));
    }
  }
}

/** Those that lie between the ones `inUse`, which come in their order. */
export async function* recordsBetween(
  segments: SegmentFiles,
  segment: number,
  inUse: readonly Location[],
): AsyncGenerator<NamedRecord> {
  let next = 0;
  for await (const record of recordsOfSegment(segments, segment)) {
    const { offset, length } = record.location;
    // Behind a damaged header the next one is looked for, and may be found within a block.
    while (next < inUse.length && inUse[next]!.offset + recordBytes(inUse[next]!.length) <= offset) next++;
    if (next === inUse.length || offset + recordBytes(length) <= inUse[next]!.offset) yield record;
  }
}

/** Whether the record's bytes have the sum that its header says. */
export async function isIntact(segments: SegmentFiles, { name, location }: NamedRecord): Promise<boolean> {
  const { segment, offset, length } = location satisfies Location;
  const record = await segments.use(segment, (file) => file.read(offset, recordBytes(length)));
  return decodeRecord(record, name, length) !== undefined;
}

/**
 * Whether all of the records are in their segments, undamaged. With `secure` they are durable then: where a sync had
 * failed before the process ended, they may be in memory alone, and no second sync would tell.
 */
export async function areIntact(
  segments: SegmentFiles,
  records: readonly NamedRecord[],
  { secure = false }: { readonly secure?: boolean },
): Promise<boolean> {
  const touched = new Set<number>();
  for (const { name, location } of records) {
    const { segment, offset, length } = location;
    const read = segments.use(segment, (file) => file.read(offset, recordBytes(length)));
    const record = await read.catch(() => undefined);
    if (!record || !decodeRecord(record, name, length)) return false;
    if (!secure) continue;
    await segments.use(segment, (file) => file.write([record], offset));
    touched.add(segment);
  }
  for (const segment of touched) await segments.use(segment, (file) => file.sync());
  return true;
}

/** Where the next sound header starts, or `size`. */
async function findHeader(file: StoreFile, start: number, size: number): Promise<number> {
  for (let from = start; from < size; from += SEARCH_BYTES - HEADER_BYTES + 1) {
    const bytes = await file.read(from, SEARCH_BYTES);
    for (let at = bytes.indexOf(MAGIC_BYTES); at >= 0; at = bytes.indexOf(MAGIC_BYTES, at + 1)) {
      if (decodeHeader(bytes.subarray(at, at + HEADER_BYTES))) return from + at;
    }
  }
  return size;
}
