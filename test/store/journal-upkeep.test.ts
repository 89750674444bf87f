import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Disk, levelDisk } from '../../src/store/disk.js';
import { ObjectStore } from '../../src/store/object-store.js';
import type { Table } from '../../src/store/table.js';
import { inFolder, MIB, withStore } from './beds.js';
import { ManualClock } from './manual-clock.js';
import { content, put, version } from './objects.js';
import { MemoryDisk } from './simulation/memory-disk.js';
import { Seeded } from './simulation/seeded.js';

const KIB = 1024;
/** The letter of the index's keys that tell what was overwritten when. */
const BY_EXPIRY = 'x'.charCodeAt(0);

test('logs of the journal do not grow from one life to the next, however short they are', async () => {
  const disk = new MemoryDisk(new Seeded(1));
  const journalBytes = 256 * KIB;
  const fact = content(64 * KIB, 1);
  const writtenBytes = 8 * fact.length;
  for (let life = 0; life < 20; life++) {
    const options = { folder: '/store', maxBytes: 64 * MIB, disk: disk.boot(), journalBytes };
    // Its clock stands still: each life ends before upkeep comes.
    const store = await ObjectStore.open({ ...options, clock: new ManualClock() });
    for (let put = 0; put < 8; put++) await store.facts.put('same', fact);
    const bytes = disk.files.bytesIn('/store/journal');
    assert.ok(bytes < 2 * journalBytes + 2 * writtenBytes, `${bytes} bytes in life ${life}`);
    disk.crash('process');
  }
});

test('the journal is tidied while the removal of what expired takes its time', () =>
  inFolder(async (folder) => {
    const clock = new ManualClock();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let expiring = 0;
    const slow = (table: Table): Table => ({
      get: (key) => table.get(key),
      keys: (range) => table.keys(range),
      batch: (changes, sync) => table.batch(changes, sync),
      flush: () => table.flush(),
      close: () => table.close(),
      async entries(range) {
        const start = range.gte ?? range.gt;
        if (start?.[0] === BY_EXPIRY) {
          expiring++;
          await held;
        }
        return await table.entries(range);
      },
    });
    const disk: Disk = { ...levelDisk, openTable: async (...at) => slow(await levelDisk.openTable(...at)) };
    await withStore({ folder, clock, disk, graceMs: 1000 }, async (store) => {
      const fact = content(MIB, 1);
      for (let round = 0; round < 30; round++) {
        await store.facts.put('same', fact);
        clock.advance(61_000);
        for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      const bytes = await bytesIn(join(folder, 'journal'));
      release();
      assert.is(expiring, 1, 'the removal is still at work');
      assert.ok(bytes < 20 * MIB, `${bytes} bytes`);
    });
  }));

test('what expires at one time shares its syncs', () =>
  inFolder(async (folder) => {
    const clock = new ManualClock();
    let syncs = 0;
    const open: Disk['files']['open'] = async (path, mode) => {
      const file = await levelDisk.files.open(path, mode);
      const sync = async () => {
        if (path.endsWith('.log')) syncs++;
        await file.sync();
      };
      return {
        size: () => file.size(),
        read: (offset, length) => file.read(offset, length),
        write: (parts, offset) => file.write(parts, offset),
        truncate: (bytes) => file.truncate(bytes),
        close: () => file.close(),
        sync,
      };
    };
    const disk: Disk = { ...levelDisk, files: { ...levelDisk.files, open } };
    await withStore({ folder, clock, disk, graceMs: 60_000 }, async (store) => {
      const versions = 200;
      await Promise.all(
        Array.from({ length: versions }, async (_, i) => {
          await put(store, `k${i}`, content(100, i), version(1));
          await put(store, `k${i}`, content(200, i), version(2));
        }),
      );
      assert.is(store.stats().otherBytes, versions * 100);
      syncs = 0;
      clock.advance(61_000);
      while (store.stats().otherBytes > 0) await new Promise((resolve) => setTimeout(resolve, 1));
      assert.ok(syncs < versions / 10, `${syncs} syncs for ${versions} versions`);
    });
  }));

async function bytesIn(folder: string): Promise<number> {
  const sizes = (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size);
  return (await Promise.all(sizes)).reduce((sum, one) => sum + one, 0);
}

test.run();
