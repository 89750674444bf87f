import { join } from 'node:path';
import { decodeManifest } from '../object/manifest.js';
import type { Database } from './database.js';
import { derivedEntries } from './derived-entries.js';
import { diskError } from './disk-error.js';
import { type Files, readOnly } from './files.js';
import { currentKey, kindRange, recordKey } from './index-keys.js';
import { journalRecords } from './journal-replay.js';
import type { Table, TableChange } from './table.js';
import { decodeRecord } from './version-record.js';

const BATCH_ENTRIES = 256;
const NEWLINE = 0x0a;
const RECORD_LETTERS = [currentKey(0n)[0], kindRange('overwritten').gte[0]];
const CURRENT = currentKey(0n)[0];
const MANIFEST = kindRange('manifest').gte[0];
const BLOCK = kindRange('block').gte[0];

/** What the journal says last of each of these keys; nothing of those that it says are gone. */
export async function findInJournal(
  files: Files,
  folder: string,
  wanted: readonly Buffer[],
): Promise<[key: Buffer, value: Buffer][]> {
  const found = new Map<string, Buffer | undefined>(wanted.map((key) => [key.toString('latin1'), undefined]));
  for await (const { changes } of journalRecords(readOnly(files), folder, () => {})) {
    for (const change of changes) {
      const key = Buffer.from(change.key).toString('latin1');
      if (found.has(key)) found.set(key, change.type === 'put' ? Buffer.from(change.value) : undefined);
    }
  }
  return [...found].flatMap(([key, value]) => (value ? [[Buffer.from(key, 'latin1'), value]] : []));
}

/** Puts entries back that are damaged or missing, with what follows from them. Answers how many there were. */
export async function restoreEntries(database: Database, entries: readonly [Buffer, Buffer][]): Promise<number> {
  let restored = 0;
  for (const [key, value] of entries) {
    const changes = restoring(key, value);
    if (changes.length === 0) continue;
    await database.indexQueue.write(changes, { sync: true });
    restored++;
  }
  return restored;
}

function restoring(key: Buffer, value: Buffer): TableChange[] {
  try {
    if (key[0] === MANIFEST) decodeManifest(value);
    const put: TableChange = { type: 'put', key, value };
    if (!RECORD_LETTERS.includes(key[0])) return [put];
    return [put, ...derivedEntries(key[0] === CURRENT ? 'current' : 'overwritten', decodeRecord(key, value))];
  } catch {
    return []; // it was damaged when it was written down
  }
}

/**
 * Takes entries out of the index that belong to nothing, and keeps them in lost+found, a JSON object a line: they are
 * there for good before they leave the index.
 */
export async function setEntriesAside(
  files: Files,
  folder: string,
  database: Database,
  loose: readonly Buffer[],
): Promise<number> {
  const lostAndFound = join(folder, 'lost+found');
  for (let from = 0; from < loose.length; from += BATCH_ENTRIES) {
    const changes: TableChange[] = [];
    let lines = '';
    for (const key of loose.slice(from, from + BATCH_ENTRIES)) {
      const value = await database.index.get(key);
      lines += `${JSON.stringify({ key: key.toString('hex'), value: value?.toString('base64') ?? null })}\n`;
      changes.push({ type: 'del', key }, ...(await placeOf(database.index, key, value)));
    }
    await append(files, lostAndFound, 'entries.jsonl', Buffer.from(lines)).catch((error) => {
      throw diskError(error, lostAndFound);
    });
    await database.indexQueue.write(changes, { sync: true });
  }
  return loose.length;
}

async function append(files: Files, folder: string, name: string, bytes: Uint8Array): Promise<void> {
  await files.makeFolder(folder);
  const isThere = (await files.list(folder)).includes(name);
  const file = await files.open(join(folder, name), isThere ? 'existing' : 'new');
  try {
    const end = await file.size();
    // A write that failed, or a power cut, may have left half a line.
    const halfLine = end > 0 && (await file.read(end - 1, 1))[0] !== NEWLINE;
    await file.write(halfLine ? [Buffer.of(NEWLINE), bytes] : [bytes], end);
    await file.sync();
  } finally {
    await file.close();
  }
  await files.syncDirectory(folder);
}

/** A block goes with the entry of its place, if that is the block's. */
async function placeOf(index: Table, key: Buffer, value: Buffer | undefined): Promise<TableChange[]> {
  if (key[0] !== BLOCK || value?.length !== 12) return [];
  const place = recordKey(value.readUInt32BE(0), value.readUInt32BE(4));
  const holds = await index.get(place);
  return holds?.subarray(0, 12).equals(key.subarray(1)) ? [{ type: 'del', key: place }] : [];
}
