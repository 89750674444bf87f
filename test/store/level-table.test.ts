import { readdir, readFile, rm } from 'node:fs/promises';
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

/** Bytes that this process may write to: what a collector has not given back yet counts, whether it was touched or not. */
async function writableBytes(): Promise<number> {
  const kib = /VmData:\s+(\d+) kB/.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
  return Number(kib) * 1024;
}

if (process.platform === 'linux') {
  test('reading many short ranges takes no memory that only the collector gives back', () =>
    inFolder(async (folder) => {
      const table = await LevelTable.open(folder, 'new');
      await table.batch(put(1), false);
      const range = { gte: key(1), lt: key(2), limit: Number.MAX_SAFE_INTEGER };
      const read = async () => {
        for (let i = 0; i < 100; i++) assert.is((await table.keys(range)).length, 1);
        return await writableBytes();
      };
      const before = await read();
      let most = before;
      for (let round = 0; round < 20; round++) most = Math.max(most, await read());
      const grown = Math.round((most - before) / 2 ** 20);
      assert.ok(grown < 24, `2000 ranges of one entry took ${grown} MiB`);
      await table.close();
    }));
}

test('a range comes whole and in order, however many steps it takes', () =>
  inFolder(async (folder) => {
    const table = await LevelTable.open(folder, 'new');
    const keys = Array.from({ length: 3000 }, (_, n) => Buffer.from(String(n).padStart(4, '0')));
    const value = Buffer.alloc(1000);
    await table.batch(
      keys.map((key) => ({ type: 'put', key, value })),
      false,
    );
    const all = { gte: Buffer.from('0'), lt: Buffer.from(':') };
    for (const limit of [1, 15, 16, 17, 80, 336, 2999, 3000, 3001, Number.MAX_SAFE_INTEGER]) {
      const expected = keys.slice(0, limit).map(String);
      assert.equal((await table.keys({ ...all, limit })).map(String), expected, `keys, at most ${limit}`);
      const entries = await table.entries({ ...all, limit });
      assert.equal(
        entries.map(([key]) => String(key)),
        expected,
        `entries, at most ${limit}`,
      );
      assert.ok(entries.every(([, found]) => found.equals(value)));
    }
    await table.close();
  }));

test.run();
