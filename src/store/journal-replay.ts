import { join } from 'node:path';
import { MurkyError } from '../errors.js';
import { decodeHolds, type NamedRecord } from './block-index.js';
import type { Files, StoreFile } from './files.js';
import { decodePosition, type JournalPosition } from './index-journal.js';
import { journalKey } from './index-keys.js';
import { JournalFiles } from './journal-files.js';
import { type Damaged, type JournalChange, readJournal } from './journal-record.js';
import { SegmentFiles } from './segment-files.js';
import { areIntact } from './segment-scan.js';
import type { Table, TableChange } from './table.js';

/** Bounds the batches in which changes are brought to an index, and how many there are. */
const GROUP_BYTES = 2 ** 20;
const COPY_BYTES = 2 ** 20;

interface ReplayOptions {
  readonly from?: JournalPosition;
  readonly secure?: boolean;
}

export interface Replayed {
  /** Undefined in a snapshot. */
  readonly generation: number | undefined;
  readonly end: number;
  readonly changes: readonly TableChange[];
}

/**
 * What is wrong with the journal, of which the index would be made anew; undefined if nothing is. It may end in a part of
 * a record: that write was not acknowledged.
 */
export async function journalDamage(
  files: Files,
  folder: string,
  index: Table | MurkyError,
): Promise<string | undefined> {
  const journal = new JournalFiles(files, join(folder, 'journal'));
  if ((await journal.contents()).base === undefined) return 'The journal has no whole snapshot of the index.';
  const position = index instanceof MurkyError ? undefined : await positionOf(index).catch(() => undefined);
  let damaged = 0;
  let end = 0;
  for await (const record of journalRecords(files, folder, (bytes, atEnd) => {
    if (!atEnd) damaged += bytes;
  })) {
    if (record.generation === position?.generation) end = record.end;
  }
  if (damaged > 0) return `${damaged} bytes of the journal are damaged.`;
  if (position && end < position.end) return `${position.end - end} bytes of the journal are missing.`;
  return undefined;
}

/** Up to where an index is known to have what its journal has. */
export async function positionOf(index: Table): Promise<JournalPosition | undefined> {
  const noted = await index.get(journalKey());
  return noted && decodePosition(noted);
}

/**
 * The changes that took place, in order: those behind `from`, or all that the index would be made anew from. `damaged`
 * hears of bytes that are passed over. Of the last batch a power cut may have taken blocks, and then it was not
 * acknowledged: it is left out unless all of them are there.
 *
 * With `secure` they are durable when they come, with their blocks: where a sync had failed before the process ended they
 * may be in memory alone, and no second sync would tell. An index that had heard of them could outlive the journal.
 */
export async function* journalRecords(
  files: Files,
  folder: string,
  damaged: Damaged,
  options: ReplayOptions = {},
): AsyncGenerator<Replayed> {
  const segments = new SegmentFiles(files, join(folder, 'segments'));
  let last: (Replayed & { readonly changes: readonly JournalChange[] }) | undefined;
  try {
    for await (const record of records(files, folder, damaged, options)) {
      if (last) yield last;
      last = record;
    }
    if (last && (await areIntact(segments, unsyncedOf(last.changes), options))) yield last;
  } finally {
    await segments.closeAll();
  }
}

/** Brings a table, which has what stands before `from`, to what the journal says. */
export async function applyRecords(table: Table, records: AsyncIterable<Replayed>): Promise<void> {
  let group: TableChange[] = [];
  let bytes = 0;
  for await (const { changes } of records) {
    for (const change of changes) {
      group.push(change);
      bytes += change.key.length + (change.type === 'put' ? change.value.length : 0);
    }
    if (bytes < GROUP_BYTES) continue;
    await table.batch(group, false);
    group = [];
    bytes = 0;
  }
  if (group.length > 0) await table.batch(group, false);
}

async function* records(files: Files, folder: string, damaged: Damaged, { from, secure }: ReplayOptions) {
  const journal = new JournalFiles(files, join(folder, 'journal'));
  const { logs, snapshots, base } = await journal.contents();
  // Where none is whole, one is damaged, and the logs from there on are still here: a part is better than nothing.
  const begin = from ? undefined : (base ?? snapshots[0]);
  const first = from?.generation ?? begin ?? 0;
  const parts = logs.filter((one) => one >= first).map((generation) => ({ generation, kind: 'log' as const }));
  const snapshot = begin === undefined ? [] : [{ generation: begin, kind: 'snapshot' as const }];
  for (const { generation, kind } of [...snapshot, ...parts]) {
    const file = await files.open(journal.path(generation, kind), 'existing');
    try {
      const at = from?.generation === generation ? from.end : 0;
      if (secure && kind === 'log' && generation === logs.at(-1)) {
        await rewrite(file, at);
        // The log may have been begun by a run in which this failed.
        await files.syncDirectory(journal.folder);
      }
      const inFile: Damaged = (bytes, atEnd) => damaged(bytes, atEnd && kind === 'log' && generation === logs.at(-1));
      for await (const { changes, end } of readJournal(file, at, inFile)) {
        yield { generation: kind === 'log' ? generation : undefined, end, changes };
      }
    } finally {
      await file.close();
    }
  }
}

/** Brings to the disk what memory may have alone, sound or not. */
async function rewrite(file: StoreFile, from: number): Promise<void> {
  const size = await file.size();
  if (from >= size) return;
  for (let at = from; at < size; at += COPY_BYTES) {
    await file.write([await file.read(at, Math.min(COPY_BYTES, size - at))], at);
  }
  await file.sync();
}

function unsyncedOf(changes: readonly JournalChange[]): NamedRecord[] {
  return changes.flatMap((change) =>
    change.type === 'put' && change.unsynced ? [decodeHolds([Buffer.from(change.key), Buffer.from(change.value)])] : [],
  );
}
