import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isMurkyError } from '../../src/errors.js';
import { resourceId } from '../../src/object/key.js';
import { tombstone } from '../../src/object/manifest.js';
import { HEADER_BYTES } from '../../src/store/block-record.js';
import { ObjectStore } from '../../src/store/object-store.js';
import { changeSegment, inFolder, MIB, rawIndex, segments, withStore } from './beds.js';
import { rejects } from './expect.js';
import { listener } from './listener.js';
import { collect, content, put, read, version } from './objects.js';

const value = content(2 * MIB + 7, 1);
const id = resourceId('a');

/** Opens the store, which must fail, and gives back what it said. */
async function refusal(folder: string, code: string): Promise<string> {
  try {
    await (await ObjectStore.open({ folder, maxBytes: MIB })).close();
  } catch (error) {
    assert.ok(isMurkyError(error, code as never), String(error));
    assert.ok(error.hint, 'it says what to do');
    assert.not.match(error.message, /\n|Error:/);
    return error.message;
  }
  return assert.unreachable('it opened') as never;
}

/** Changes the entries of a table whose key starts with `prefix`. */
async function damage(folder: string, prefix: string, change: (value: Buffer) => Buffer) {
  await rawIndex(folder, async (db) => {
    let damaged = 0;
    for (const [key, bytes] of await db.iterator().all()) {
      if (!key.toString('latin1').startsWith(prefix)) continue;
      await db.put(key, change(bytes));
      damaged++;
    }
    assert.ok(damaged > 0);
  });
}

const flip = (at: number) => (bytes: Buffer) => {
  const flipped = Buffer.from(bytes);
  flipped[at < 0 ? flipped.length + at : at]! ^= 1;
  return flipped;
};

test('a damaged block is not served, the others are', () =>
  inFolder(async (folder) => {
    await withStore({ folder }, (store) => put(store, 'a', value, version(1)));
    await changeSegment(folder, '00000002.log', flip(HEADER_BYTES + 12345));
    await withStore({ folder }, async (store) => {
      assert.equal(await store.block(id, version(1), 0), value.subarray(0, MIB));
      await rejects(store.block(id, version(1), 1), 'MURKY_BLOCK_CORRUPT');
      assert.equal(await store.block(id, version(1), 2), value.subarray(2 * MIB));
      assert.is(await put(store, 'a', value, version(2)), 'committed', 'it can be written again');
      assert.equal(await read(store, 'a'), value);
    });
  }));

test('a block with a damaged header, or one that is cut short, is damage, not absence', () =>
  inFolder(async (folder) => {
    await withStore({ folder }, (store) => put(store, 'a', value, version(1)));
    await changeSegment(folder, '00000001.log', flip(7));
    await changeSegment(folder, '00000002.log', (bytes) => bytes.subarray(0, -1));
    await withStore({ folder }, async (store) => {
      await rejects(store.block(id, version(1), 0), 'MURKY_BLOCK_CORRUPT');
      await rejects(store.block(id, version(1), 1), 'MURKY_BLOCK_CORRUPT');
    });
  }));

for (const [what, harm] of [
  ['that is flipped', (folder: string) => changeSegment(folder, '00000002.log', flip(HEADER_BYTES + 12345))],
  ['that is cut short', (folder: string) => changeSegment(folder, '00000002.log', (bytes) => bytes.subarray(0, -1))],
  ['whose segment is missing', (folder: string) => rm(join(folder, 'segments', '00000002.log'))],
] as const) {
  test(`a block ${what} is mended in a full store, and stays so`, () =>
    inFolder(async (folder) => {
      // Three records, and room for no fourth: the damaged one has to make place for a cached copy's.
      const options = { folder, maxBytes: 3 * MIB + 7 + 4 * HEADER_BYTES, segmentBytes: MIB + HEADER_BYTES };
      await withStore(options, (store) => put(store, 'a', value, version(1)));
      await harm(folder);
      await withStore(options, async (store) => {
        await put(store, 'cached', content(MIB - 100, 3), version(1), 'cached');
        assert.is(await store.check(id, version(1), 0), 'sound');
        assert.is(await store.check(id, version(1), 1), 'damaged');
        assert.is(await store.mend(id, version(1), 1, value.subarray(0, MIB)), false, 'other bytes');
        assert.is(await store.check(id, version(1), 1), 'damaged');
        assert.is(await store.mend(id, version(1), 1, value.subarray(MIB, 2 * MIB)), true);
        assert.equal(await read(store, 'a'), value);
        assert.is(store.stats().replicaBytes, value.length);
        assert.is(store.stats().otherBytes, 0);
        assert.is(await store.mend(id, version(2), 1, value.subarray(MIB, 2 * MIB)), false, 'another version');
        assert.is(await store.check(id, version(1), 3), 'gone');
      });
      await withStore(options, async (store) => {
        assert.equal(await read(store, 'a'), value);
        // What the damaged record took is free again: as much fits as before.
        assert.is(await put(store, 'b', content(MIB - 100, 4), version(1)), 'committed');
      });
    }));
}

test('a small block is mended in the index', () =>
  inFolder(async (folder) => {
    const small = content(100, 1);
    await withStore({ folder }, (store) => put(store, 'a', small, version(1)));
    await damage(folder, 'v', flip(10));
    await withStore({ folder }, async (store) => {
      assert.is(await store.check(id, version(1), 0), 'damaged');
      assert.is(await store.mend(id, version(1), 0, small), true);
    });
    await withStore({ folder }, async (store) => assert.equal(await read(store, 'a'), small));
  }));

for (const [what, prefix] of [
  ['record', 'r'],
  ['manifest', 'm'],
] as const) {
  for (const at of [0, 1, 20, 40, 75, -1]) {
    test(`a ${what} with byte ${at} damaged hides no other object and can be written again`, () =>
      inFolder(async (folder) => {
        await withStore({ folder }, (store) => put(store, 'a', value, version(1)));
        await damage(folder, prefix, flip(at));
        await withStore({ folder }, async (store) => {
          await rejects(store.current(id), 'MURKY_BLOCK_CORRUPT');
          await rejects(store.block(id, version(1), 0), 'MURKY_BLOCK_CORRUPT');
          await put(store, 'b', content(10, 2), version(1));
          assert.equal(
            (await collect(store.list())).map((manifest) => manifest.key),
            ['b'],
          );
          assert.is((await collect(store.all())).length, 1);
          assert.is(await put(store, 'a', value, version(1)), 'committed', 'the same version as well');
          assert.equal(await read(store, 'a'), value);
          assert.is(await put(store, 'a', value, version(2)), 'committed');
          assert.equal(await read(store, 'a'), value);
          assert.is(await store.begin().commit(tombstone('a', version(3)), 'replica'), 'committed');
        });
      }));
  }
}

test('a record that was moved to another id is damage', () =>
  inFolder(async (folder) => {
    await withStore({ folder }, (store) => put(store, 'a', value, version(1)));
    await rawIndex(folder, async (db) => {
      const [entry] = await db.iterator({ gte: Buffer.from('r'), lt: Buffer.from('s') }).all();
      const key = Buffer.from(entry![0]);
      key.writeBigUInt64BE(5n, 1);
      await db.put(key, entry![1]);
    });
    await withStore({ folder }, async (store) => {
      await rejects(store.current(5n), 'MURKY_BLOCK_CORRUPT');
      assert.equal(await read(store, 'a'), value);
    });
  }));

test('a folder that a store has open is locked, for this process too', () =>
  inFolder(async (folder) => {
    await withStore({ folder }, async () => {
      assert.match(await refusal(folder, 'MURKY_DATA_DIR_LOCKED'), /Another node uses the folder/);
    });
    await withStore({ folder }, async (store) => assert.is(store.stats().objects, 0));
  }));

test('what is not a folder, or cannot be made one, is unusable', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'file');
    await writeFile(file, 'x');
    await refusal(file, 'MURKY_DATA_DIR_UNUSABLE');
    await refusal(join(file, 'below'), 'MURKY_DATA_DIR_UNUSABLE');
    if (process.platform === 'linux') await refusal('/proc/murky', 'MURKY_DATA_DIR_UNUSABLE');
    if (process.getuid?.() !== 0) {
      await chmod(folder, 0o500);
      await refusal(folder, 'MURKY_DATA_DIR_UNUSABLE');
      await chmod(folder, 0o700);
    }
  }));

test('a newer format is refused in words and left as it is', () =>
  inFolder(async (folder) => {
    await withStore({ folder }, (store) => put(store, 'a', value, version(1)));
    const format = await rawIndex(folder, async (db) => {
      const before = (await db.get(Buffer.from('F')))!;
      await db.put(Buffer.from('F'), Buffer.from('murky-waters store 5'));
      return before;
    });
    assert.match(await refusal(folder, 'MURKY_DATA_DIR_UNUSABLE'), /newer .*format is 5/);
    await rawIndex(folder, (db) => db.put(Buffer.from('F'), format));
    await withStore({ folder }, async (store) => assert.equal(await read(store, 'a'), value));
  }));

test('the database of another program is refused', () =>
  inFolder(async (folder) => {
    await mkdir(join(folder, 'index'), { recursive: true });
    const other = new Level(join(folder, 'index'));
    await other.put('theirs', 'data');
    await other.close();
    assert.match(await refusal(folder, 'MURKY_DATA_DIR_UNUSABLE'), /not one of a node/);
    await rawIndex(folder, (db) => db.put(Buffer.from('F'), Buffer.from('something else 1')));
    assert.match(await refusal(folder, 'MURKY_DATA_DIR_UNUSABLE'), /not one of a node/);
  }));

test('a missing segment is told, its blocks are damage, the rest is served, and all of it can be written again', () =>
  inFolder(async (folder) => {
    await withStore({ folder }, async (store) => {
      await put(store, 'a', value, version(1));
      await put(store, 'b', content(10, 2), version(1));
    });
    await rm(join(folder, 'segments', '00000001.log'));
    const { log, said } = listener();
    await withStore({ folder, log }, async (store) => {
      assert.equal(said, ['A segment of the block log is missing; its blocks are lost here.']);
      await rejects(store.block(id, version(1), 0), 'MURKY_BLOCK_CORRUPT');
      assert.equal(await store.block(id, version(1), 2), value.subarray(2 * MIB));
      assert.equal(await read(store, 'b'), content(10, 2));
      assert.is(await put(store, 'a', value, version(2)), 'committed');
      assert.equal(await read(store, 'a'), value);
    });
    assert.equal(Object.keys(await segments(folder)), ['00000002.log', '00000003.log', '00000004.log']);
  }));

test.run();
