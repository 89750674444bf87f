import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LevelTable } from '../../src/store/level-table.js';
import { inFolder } from './beds.js';

const key = (n: number) => Buffer.from(`k${n}`);
const put = (n: number) => [{ type: 'put' as const, key: key(n), value: Buffer.alloc(1000, n) }];

/** What a power cut takes: the log of what was never synced. */
async function loseLogs(folder: string): Promise<void> {
  const logs = (await readdir(folder)).filter((name) => name.endsWith('.log'));
  assert.ok(logs.length > 0, 'there is a log');
  for (const name of logs) await rm(join(folder, name));
}

test('what stands before a flush is in tables, whatever becomes of the log', () =>
  inFolder(async (folder) => {
    for (let round = 0; round < 3; round++) {
      const table = await LevelTable.open(folder, 'new');
      await table.batch(put(2 * round), false);
      await table.flush();
      await table.batch(put(2 * round + 1), false);
      await table.close();
      await loseLogs(folder);
    }
    const table = await LevelTable.open(folder, 'existing');
    for (let n = 0; n < 6; n++) {
      const value = await table.get(key(n));
      assert.is(
        value?.[0],
        n % 2 === 0 ? n : undefined,
        `${n} ${n % 2 === 0 ? 'was flushed' : 'was in the log alone'}`,
      );
    }
    await table.close();
  }));

test('a table that was closed refuses a flush in words', () =>
  inFolder(async (folder) => {
    const table = await LevelTable.open(folder, 'new');
    await table.close();
    try {
      await table.flush();
      assert.unreachable();
    } catch (error) {
      assert.is((error as { code?: string }).code, 'MURKY_DATA_DIR_UNUSABLE');
    }
  }));

test.run();
