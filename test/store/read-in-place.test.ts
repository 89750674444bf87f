import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resourceId } from '../../src/object/key.js';
import type { FilePlace } from '../../src/seam/file-place.js';
import { silentLog } from '../../src/seam/log.js';
import { BlockLog } from '../../src/store/block-log.js';
import { recordBytes } from '../../src/store/block-record.js';
import { Budget } from '../../src/store/budget.js';
import { blockKey } from '../../src/store/index-keys.js';
import { nodeFiles } from '../../src/store/node-files.js';
import type { ObjectStore } from '../../src/store/object-store.js';
import { changeSegment, inFolder, MIB, rawIndex, withStore } from './beds.js';
import { eventually, settle } from './expect.js';
import { FaultyDisk } from './faulty-disk.js';
import { content, put, version } from './objects.js';

const BLOCK = 20_000;
const at = version(1);

function bytesAt({ descriptor, offset, length }: Omit<FilePlace, 'sha256'>): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(descriptor, bytes, 0, length, offset));
}

/** Lends a block until `giveBack` is called; `work` tells what readInPlace said. */
async function lend(store: ObjectStore, key: string, index: number) {
  let giveBack: (found: boolean) => void = () => {};
  const kept = new Promise<boolean>((resolve) => {
    giveBack = resolve;
  });
  let lent: FilePlace | undefined;
  const work = store.readInPlace(resourceId(key), at, index, (place) => {
    lent = place;
    return kept;
  });
  await eventually(() => lent !== undefined);
  return { place: lent!, giveBack, work };
}

test('a block of the log is lent as a place in a file that holds its bytes; a small one is not', () =>
  inFolder((folder) =>
    withStore({ folder }, async (store) => {
      const value = content(MIB + BLOCK, 1);
      await put(store, 'large', value, at);
      await put(store, 'small', content(1000, 2), at);
      for (const [index, bytes] of [value.subarray(0, MIB), value.subarray(MIB)].entries()) {
        const { place, giveBack, work } = await lend(store, 'large', index);
        assert.ok(bytesAt(place).equals(bytes));
        assert.equal(Buffer.from(place.sha256), createHash('sha256').update(bytes).digest());
        giveBack(index === 0);
        assert.is(await work, index === 0, 'what the reader says');
      }
      const never = () => assert.unreachable() as never;
      assert.is(await store.readInPlace(resourceId('small'), at, 0, never), false);
      assert.is(await store.readInPlace(resourceId('large'), at, 2, never), false);
      assert.is(await store.readInPlace(resourceId('large'), version(2), 0, never), false);
      const failing = store.readInPlace(resourceId('large'), at, 0, () => Promise.reject(new Error('mine')));
      const said = failing.then(String, ({ message }) => message);
      assert.is(await said, 'mine');
    }),
  ));

test('a small block is not lent from the log either: the index may have one that was mended', () =>
  inFolder((folder) =>
    withStore({ folder }, async (store) => {
      // Two of 10000 bytes are more than the index takes of one value.
      const value = content(20_000, 1);
      await put(store, 'a', value, at, 'replica', 10_000);
      assert.is(await store.readInPlace(resourceId('a'), at, 1, () => assert.unreachable() as never), false);
      assert.equal(await store.block(resourceId('a'), at, 1), value.subarray(10_000));
      const { length } = readFileSync(join(folder, 'segments', '00000001.log'));
      assert.ok(length >= recordBytes(10_000), 'it is in the log');
    }),
  ));

test('a place of another length than its block, as a damaged index names it, is not lent', () =>
  inFolder(async (folder) => {
    await withStore({ folder }, (store) => put(store, 'a', content(BLOCK, 1), at));
    const key = blockKey('block', 1, 0);
    await rawIndex(folder, async (index) => {
      const place = Buffer.from((await index.get(key))!);
      place.writeUInt32BE(0xffffff, 8);
      await index.put(key, place);
    });
    await withStore({ folder }, async (store) => {
      const never = () => assert.unreachable() as never;
      assert.is(await store.readInPlace(resourceId('a'), at, 0, never), false);
      assert.is(await store.check(resourceId('a'), at, 0), 'damaged');
    });
  }));

test('a lent block stays while its segment is emptied and to be removed', () =>
  inFolder(async (folder) => {
    const segmentBytes = 4 * recordBytes(BLOCK);
    await withStore({ folder, segmentBytes, reclaimTimeFraction: 1 }, async (store) => {
      const value = content(BLOCK, 1);
      await put(store, 'lent', value, at, 'cached');
      for (let i = 0; i < 6; i++) await put(store, `other-${i}`, content(BLOCK, 2 + i), at, 'cached');
      const { place, giveBack, work } = await lend(store, 'lent', 0);
      await store.dropCached(resourceId('lent'));
      for (let i = 0; i < 6; i++) await store.dropCached(resourceId(`other-${i}`));
      const first = () => existsSync(join(folder, 'segments', '00000001.log'));
      for (let i = 0; i < 5; i++) await settle();
      assert.ok(bytesAt(place).equals(value));
      assert.ok(first());
      giveBack(true);
      assert.is(await work, true);
      for (let i = 0; i < 100 && first(); i++) await settle();
      assert.not(first(), 'and then it goes');
    });
  }));

test('a lent block is not cut off; what lies behind it is, at once', () =>
  inFolder(async (folder) => {
    const log = new BlockLog(nodeFiles, folder, MIB, new Budget(64 * MIB), silentLog, () => {});
    await log.settle(none());
    const blocks = [1, 2, 3].map((seed) => content(BLOCK, seed));
    const written = [];
    for (const [index, bytes] of blocks.entries()) written.push((await log.append({ slot: 1, index }, bytes)).location);
    const [segment] = log.segments;
    await log.seal(segment!);
    let giveBack = () => {};
    let lent: Omit<FilePlace, 'sha256'> | undefined;
    const work = log.lend(written[1]!, (place) => {
      lent = place;
      return new Promise<void>((resolve) => {
        giveBack = resolve;
      });
    });
    await eventually(() => lent !== undefined);
    await log.cut(segment!, 2 * recordBytes(BLOCK));
    assert.is((await stat(join(folder, '00000001.log'))).size, 2 * recordBytes(BLOCK));
    let cut = false;
    const cutting = log.cut(segment!, recordBytes(BLOCK)).then(() => {
      cut = true;
    });
    await settle();
    assert.not(cut);
    assert.ok(bytesAt(lent!).equals(blocks[1]!));
    giveBack();
    await Promise.all([work, cutting]);
    assert.is((await stat(join(folder, '00000001.log'))).size, recordBytes(BLOCK));
    await log.close();
  }));

async function* none(): AsyncGenerator<never> {}

test('the store closes when what is lent has come back', () =>
  inFolder((folder) =>
    withStore({ folder }, async (store) => {
      const value = content(BLOCK, 1);
      await put(store, 'a', value, at);
      const { place, giveBack, work } = await lend(store, 'a', 0);
      let closed = false;
      const closing = store.close().then(() => {
        closed = true;
      });
      await settle();
      assert.not(closed);
      assert.ok(bytesAt(place).equals(value));
      giveBack(true);
      await work;
      await closing;
    }),
  ));

test('files that no descriptor leads to, or that are gone, are not lent', () =>
  inFolder(async (folder) => {
    const never = () => assert.unreachable() as never;
    const value = content(BLOCK, 1);
    await withStore({ folder, disk: new FaultyDisk() }, async (store) => {
      await put(store, 'a', value, at);
      assert.is(await store.readInPlace(resourceId('a'), at, 0, never), false);
      assert.equal(await store.block(resourceId('a'), at, 0), value);
    });
    await changeSegment(folder, '00000001.log', () => Buffer.alloc(0));
    await withStore({ folder }, async (store) => {
      let found: Uint8Array = Buffer.from('?');
      const readFrom = async (place: FilePlace) => {
        found = bytesAt(place);
        return found.length > 0;
      };
      assert.is(await store.readInPlace(resourceId('a'), at, 0, readFrom), false);
      assert.is(found.length, 0, 'the file ends before it');
      assert.is(await store.check(resourceId('a'), at, 0), 'damaged');
    });
  }));

test.run();
