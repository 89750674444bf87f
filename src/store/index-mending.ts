import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeManifest } from '../object/manifest.js';
import type { Database } from './database.js';
import { derivedEntries } from './derived-entries.js';
import { currentKey, kindRange, recordKey } from './index-keys.js';
import { journalRecords } from './journal-replay.js';
import { readOnlyFiles } from './node-files.js';
import type { Table, TableChange } from './table.js';
import { decodeRecord } from './version-record.js';

const BATCH_ENTRIES = 256;
const RECORD_LETTERS = [currentKey(0n)[0], kindRange('overwritten').gte[0]];
const CURRENT = currentKey(0n)[0];
const MANIFEST = kindRange('manifest').gte[0];
const BLOCK = kindRange('block').gte[0];

/** What the journal says last of each of these keys; nothing of those that it says are gone. */
export async function findInJournal(
  folder: string,
  wanted: readonly Buffer[],
): Promise<[key: Buffer, value: Buffer][]> {
  const found = new Map<string, Buffer | undefined>(wanted.map((key) => [key.toString('latin1'), undefined]));
  for await (const { changes } of journalRecords(readOnlyFiles, folder, () => {})) {
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

/** Takes entries out of the index that belong to nothing, and keeps them in lost+found, a JSON object a line. */
export async function setEntriesAside(folder: string, database: Database, loose: readonly Buffer[]): Promise<number> {
  const lostAndFound = join(folder, 'lost+found');
  await mkdir(lostAndFound, { recursive: true });
  for (let from = 0; from < loose.length; from += BATCH_ENTRIES) {
    const changes: TableChange[] = [];
    let lines = '';
    for (const key of loose.slice(from, from + BATCH_ENTRIES)) {
      const value = await database.index.get(key);
      lines += `${JSON.stringify({ key: key.toString('hex'), value: value?.toString('base64') ?? null })}\n`;
      changes.push({ type: 'del', key }, ...(await placeOf(database.index, key, value)));
    }
    await appendFile(join(lostAndFound, 'entries.jsonl'), lines);
    await database.indexQueue.write(changes, { sync: true });
  }
  return loose.length;
}

/** A block goes with the entry of its place, if that is the block's. */
async function placeOf(index: Table, key: Buffer, value: Buffer | undefined): Promise<TableChange[]> {
  if (key[0] !== BLOCK || value?.length !== 12) return [];
  const place = recordKey(value.readUInt32BE(0), value.readUInt32BE(4));
  const holds = await index.get(place);
  return holds?.subarray(0, 12).equals(key.subarray(1)) ? [{ type: 'del', key: place }] : [];
}
