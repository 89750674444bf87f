import { join } from 'node:path';
import { MurkyError } from '../errors.js';
import type { Files } from './files.js';
import { decodePosition } from './index-journal.js';
import { journalKey } from './index-keys.js';
import { JournalFiles } from './journal-files.js';
import { readJournal } from './journal-record.js';
import type { Table, TableChange } from './table.js';

/**
 * What is wrong with the journal, of which the index would be made anew; undefined if nothing is. What stands behind the
 * place that the index names did not take place.
 */
export async function journalDamage(
  files: Files,
  folder: string,
  index: Table | MurkyError,
): Promise<string | undefined> {
  const journal = new JournalFiles(files, join(folder, 'journal'));
  if ((await journal.contents()).base === undefined) return 'The journal has no whole snapshot of the index.';
  const noted = index instanceof MurkyError ? undefined : await index.get(journalKey()).catch(() => undefined);
  const position = noted && decodePosition(noted);
  let damaged = 0;
  let end = 0;
  for await (const record of journalRecords(files, folder, (bytes) => {
    damaged += bytes;
  })) {
    if (record.generation === position?.generation) end = record.end;
  }
  if (damaged > 0) return `${damaged} bytes of the journal are damaged.`;
  if (position && end < position.end) return `${position.end - end} bytes of the journal are missing.`;
  return undefined;
}

/** The changes that the index would be made anew from, in order; `damaged` hears of bytes that are passed over. */
export async function* journalRecords(
  files: Files,
  folder: string,
  damaged: (bytes: number) => void,
): AsyncGenerator<{ generation: number | undefined; end: number; changes: readonly TableChange[] }> {
  const journal = new JournalFiles(files, join(folder, 'journal'));
  const { logs, base } = await journal.contents();
  const parts = logs.filter((one) => one >= (base ?? 0)).map((generation) => ({ generation, kind: 'log' as const }));
  const snapshot = base === undefined ? [] : [{ generation: base, kind: 'snapshot' as const }];
  for (const { generation, kind } of [...snapshot, ...parts]) {
    const file = await files.open(journal.path(generation, kind), 'existing');
    try {
      for await (const { changes, end } of readJournal(file, 0, damaged)) {
        yield { generation: kind === 'log' ? generation : undefined, end, changes };
      }
    } finally {
      await file.close();
    }
  }
}
