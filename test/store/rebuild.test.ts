import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isMurkyError } from '../../src/errors.js';
import { resourceId } from '../../src/object/key.js';
import { tombstone } from '../../src/object/manifest.js';
import { silentLog } from '../../src/seam/log.js';
import { Budget } from '../../src/store/budget.js';
import type { StoreStats } from '../../src/store/contract.js';
import { Database } from '../../src/store/database.js';
import { levelDisk } from '../../src/store/disk.js';
import type { ObjectStore } from '../../src/store/object-store.js';
import { changeSegment, inFolder, MIB, segments, withStore } from './beds.js';
import { rejects } from './expect.js';
import { listener } from './listener.js';
import { ManualClock } from './manual-clock.js';
import { collect, content, put, read, version } from './objects.js';

const large = content(50_000, 1);
const small = content(100, 2);
const GRACE_MS = 60_000;

/** A store with a bit of everything, closed in order. */
async function fill(folder: string, clock: ManualClock): Promise<StoreStats> {
  await withStore({ folder, clock, graceMs: GRACE_MS }, async (store) => {
    await put(store, 'large', content(60_000, 9), version(1));
    clock.advance(GRACE_MS + 1);
    await put(store, 'large', large, version(2));
    await put(store, 'small', small, version(3));
    await put(store, 'deleted', large, version(4));
    await store.begin().commit(tombstone('deleted', version(5)), 'replica');
    await put(store, 'cached', large, version(6), 'cached');
    await put(store, 'dropped', large, version(7), 'cached');
    await store.dropCached(resourceId('dropped'));
    await store.facts.put('node/id', Buffer.from('12345678'));
  });
  // A journal that begins here no longer has the small value, and LevelDB has a part of it in a table, the rest in a log.
  await renewJournal(folder);
  return await withStore({ folder, clock, graceMs: GRACE_MS }, async (store) => {
    await put(store, 'late', large, version(8));
    await store.begin().commit(tombstone('late-deleted', version(9)), 'replica');
    return store.stats();
  });
}

async function renewJournal(folder: string): Promise<void> {
  const database = await Database.open({
    folder,
    disk: levelDisk,
    budget: new Budget(64 * MIB),
    segmentBytes: MIB,
    clock: new ManualClock(),
    log: silentLog,
    onDead: () => {},
    renewJournal: true,
  });
  await database.close();
}

async function checkAll(store: ObjectStore): Promise<void> {
  assert.equal(await read(store, 'large'), large);
  assert.equal(await read(store, 'cached'), large);
  assert.is(await store.role(resourceId('cached')), 'cached');
  assert.equal(await read(store, 'late'), large);
  for (const key of ['deleted', 'late-deleted']) {
    assert.is((await store.current(resourceId(key)))?.tombstone, true, `${key} stays deleted`);
  }
  assert.equal(await read(store, 'deleted', version(4)), large, 'in its grace time');
  assert.is(await store.current(resourceId('dropped')), undefined);
  assert.equal(await store.facts.get('node/id'), Buffer.from('12345678'));
  assert.equal(
    (await collect(store.list())).map(({ key }) => key),
    ['cached', 'large', 'late', 'small'],
  );
}

async function files(folder: string, ending: RegExp): Promise<string[]> {
  const names = await readdir(join(folder, 'index'));
  const found = names.filter((name) => ending.test(name)).map((name) => join(folder, 'index', name));
  assert.ok(found.length > 0, `there is a file ${ending}`);
  return found;
}

const remove = (ending: RegExp) => async (folder: string) => {
  for (const path of await files(folder, ending)) await rm(path);
};
const garble = (ending: RegExp) => async (folder: string) => {
  for (const path of await files(folder, ending)) await writeFile(path, content((await readFile(path)).length, 3));
};

for (const [what, harm, small] of [
  ['CURRENT is missing', remove(/^CURRENT$/), 'kept'],
  ['CURRENT is garbage', garble(/^CURRENT$/), 'kept'],
  ['MANIFEST is missing', remove(/^MANIFEST/), 'kept'],
  ['MANIFEST is garbage', garble(/^MANIFEST/), 'kept'],
  ['a table is missing', remove(/\.ldb$/), 'lost'],
  ['a table is garbage', garble(/\.ldb$/), 'lost'],
  ['all of it is missing', (folder: string) => rm(join(folder, 'index'), { recursive: true }), 'lost'],
] as const) {
  test(`of LevelDB ${what}: the index is made anew, and says so`, () =>
    inFolder(async (folder) => {
      const clock = new ManualClock();
      const before = await fill(folder, clock);
      await harm(folder);
      const { log, said } = listener();
      await withStore({ folder, clock, log, graceMs: GRACE_MS }, async (store) => {
        assert.ok(said.includes('The index has been made anew; the damaged one is kept in lost+found.'), said.join());
        await checkAll(store);
        assert.equal(store.stats(), before);
        if (small === 'lost') {
          await rejects(read(store, 'small'), 'MURKY_BLOCK_CORRUPT');
          assert.is(await store.check(resourceId('small'), version(3), 0), 'damaged');
          assert.is(await store.mend(resourceId('small'), version(3), 0, content(100, 2)), true);
        }
        assert.equal(await read(store, 'small'), content(100, 2));
        await put(store, 'after', large, version(10));
      });
      // It stays so, and the new journal is as good as the old one was.
      await rm(join(folder, 'index'), { recursive: true });
      await withStore({ folder, clock, graceMs: GRACE_MS }, async (store) => {
        for (const key of ['large', 'cached', 'late', 'after']) assert.equal(await read(store, key), large);
        assert.is((await store.current(resourceId('deleted')))?.tombstone, true);
      });
    }));
}

test('of LevelDB the log is missing: the index is brought from the journal what it lacks', () =>
  inFolder(async (folder) => {
    const clock = new ManualClock();
    const before = await fill(folder, clock);
    await remove(/\.log$/)(folder);
    const { log, said } = listener();
    await withStore({ folder, clock, log, graceMs: GRACE_MS }, async (store) => {
      assert.equal(said, []);
      await checkAll(store);
      assert.equal(store.stats(), before);
    });
  }));

test('a store that was killed, and then lost its LevelDB, has what it had acknowledged', () =>
  inFolder(async (folder) => {
    const clock = new ManualClock();
    await withStore({ folder, clock, graceMs: GRACE_MS }, async (store) => {
      await put(store, 'large', large, version(1));
      await put(store, 'gone', large, version(2));
      await store.begin().commit(tombstone('gone', version(3)), 'replica');
      // What a kill leaves: all that was written, and nothing closed.
      await copyFolder(folder, join(folder, 'killed'));
    });
    const killed = join(folder, 'killed');
    await rm(join(killed, 'index'), { recursive: true });
    await withStore({ folder: killed, clock, graceMs: GRACE_MS }, async (again) => {
      assert.equal(await read(again, 'large'), large);
      assert.is((await again.current(resourceId('gone')))?.tombstone, true);
    });
  }));

test('a rebuild takes the sound one of two records of a block, and no bytes of a damaged header', () =>
  inFolder(async (folder) => {
    await withStore({ folder }, async (store) => {
      await put(store, 'a', large, version(1));
      await put(store, 'b', content(40_000, 5), version(1));
      await put(store, 'c', content(30_000, 6), version(1));
    });
    await changeSegment(folder, '00000001.log', (bytes) => {
      const torn = Buffer.from(bytes.subarray(0, 28 + large.length));
      torn[1000]! ^= 1; // a copy of the first record that was cut off while it was written
      const damaged = Buffer.from(bytes);
      damaged[28 + large.length + 5]! ^= 1; // the header of b
      return Buffer.concat([damaged, torn]);
    });
    await rm(join(folder, 'index'), { recursive: true });
    const { log, facts } = listener();
    await withStore({ folder, log }, async (store) => {
      assert.equal(await read(store, 'a'), large);
      assert.equal(await read(store, 'c'), content(30_000, 6));
      await rejects(read(store, 'b'), 'MURKY_BLOCK_CORRUPT');
      assert.ok(facts.some((one) => 'missingBlocks' in one && one.missingBlocks === 1));
    });
  }));

test('a journal that is lost or garbled is made anew from the index', () =>
  inFolder(async (folder) => {
    const clock = new ManualClock();
    for (const harm of [
      () => rm(join(folder, 'journal'), { recursive: true }),
      () => writeFile(join(folder, 'journal', '00000001.snapshot'), content(1000, 1)),
    ]) {
      await fill(folder, clock);
      await harm();
      await withStore({ folder, clock, graceMs: GRACE_MS }, checkAll);
      await rm(join(folder, 'index'), { recursive: true });
      await withStore({ folder, clock, graceMs: GRACE_MS }, checkAll);
      for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
    }
  }));

test('blocks alone are not taken for a new folder', () =>
  inFolder(async (folder) => {
    await fill(folder, new ManualClock());
    const before = await segments(folder);
    for (const part of ['index', 'journal']) await rm(join(folder, part), { recursive: true });
    for (let start = 0; start < 2; start++) {
      const refused = await rejects(() => withStore({ folder }, async () => {}), 'MURKY_DATA_DIR_UNUSABLE');
      assert.match(refused.message, 'only blocks are left');
      assert.equal(await segments(folder), before);
    }
  }));

test('without a journal there is nothing to make the index from, and a start says so', () =>
  inFolder(async (folder) => {
    await fill(folder, new ManualClock());
    await rm(join(folder, 'journal'), { recursive: true });
    await garble(/^CURRENT$/)(folder);
    try {
      await withStore({ folder }, async () => {});
      assert.unreachable();
    } catch (error) {
      assert.ok(isMurkyError(error, 'MURKY_DATA_DIR_UNUSABLE'), String(error));
      assert.match(error.message, /damaged/);
      assert.ok(error.hint);
    }
  }));

/** Changes a byte of the last place where a file of the journal has `text`. */
async function damageJournal(folder: string, name: string, text: string): Promise<void> {
  const path = join(folder, 'journal', name);
  const bytes = await readFile(path);
  const at = bytes.lastIndexOf(text);
  assert.ok(at >= 0, `${name} has ${text}`);
  bytes[at]! ^= 1;
  await writeFile(path, bytes);
}

test('of index and journal, both damaged, a start takes what can be read, and tells what it could not', () =>
  inFolder(async (folder) => {
    const clock = new ManualClock();
    await fill(folder, clock);
    await garble(/^CURRENT$/)(folder);
    const [name] = (await readdir(join(folder, 'journal'))).filter((one) => one.endsWith('.log'));
    await damageJournal(folder, name!, 'late\0');
    const { log, facts } = listener();
    await withStore({ folder, clock, log, graceMs: GRACE_MS }, async (store) => {
      assert.ok(facts.some((one) => 'damagedJournalBytes' in one && Number(one.damagedJournalBytes) > 100));
      assert.equal(
        (await collect(store.list())).map(({ key }) => key),
        ['cached', 'large', 'small'],
        'what only the damaged records told is not here',
      );
      assert.equal(await read(store, 'large'), large);
      assert.equal(await read(store, 'small'), small);
      for (const key of ['deleted', 'late-deleted']) {
        assert.is((await store.current(resourceId(key)))?.tombstone, true, `${key} stays deleted`);
      }
      assert.equal(await store.facts.get('node/id'), Buffer.from('12345678'));
      assert.is(await put(store, 'late', large, version(11)), 'committed');
    });
    await withStore({ folder, clock, graceMs: GRACE_MS }, async (store) => {
      assert.equal(await read(store, 'late'), large);
    });
  }));

test('with a snapshot that is damaged, and no LevelDB, a start takes what the snapshot still tells', () =>
  inFolder(async (folder) => {
    const clock = new ManualClock();
    await fill(folder, clock);
    await rm(join(folder, 'index'), { recursive: true });
    const [name] = (await readdir(join(folder, 'journal'))).filter((one) => one.endsWith('.snapshot'));
    const path = join(folder, 'journal', name!);
    await writeFile(path, (await readFile(path)).subarray(0, -3));
    await withStore({ folder, clock, graceMs: GRACE_MS }, checkAll);
  }));

test('logs of the journal do not grow without bound', () =>
  inFolder(async (folder) => {
    const clock = new ManualClock();
    await withStore({ folder, clock }, async (store) => {
      const fact = content(2 ** 20, 1);
      for (let round = 0; round < 30; round++) {
        await store.facts.put('same', fact);
        clock.advance(61_000);
        for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      const names = await readdir(join(folder, 'journal'));
      const bytes = await Promise.all(
        names.map(async (name) => (await readFile(join(folder, 'journal', name))).length),
      );
      assert.ok(bytes.reduce((sum, one) => sum + one, 0) < 20 * 2 ** 20, `${names}: ${bytes}`);
    });
    await rm(join(folder, 'index'), { recursive: true });
    await withStore({ folder, clock }, async (store) => {
      assert.equal(await store.facts.get('same'), content(2 ** 20, 1));
    });
  }));

async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const name of ['index', 'journal', 'segments']) await cp(join(from, name), join(to, name), { recursive: true });
}

test.run();
