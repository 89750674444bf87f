import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resourceId } from '../../src/object/key.js';
import { recordBytes } from '../../src/store/block-record.js';
import type { ResumableWriter, Store } from '../../src/store/contract.js';
import { MAX_UNFINISHED_WRITES, UNFINISHED_KEEP_MS } from '../../src/store/unfinished-writes.js';
import { verifyFolder } from '../../src/store/verify.js';
import { changeSegment, inFolder, MIB, rawIndex, segments, withStore } from './beds.js';
import { eventually, rejects } from './expect.js';
import { FaultyDisk } from './faulty-disk.js';
import { ManualClock } from './manual-clock.js';
import { collect, content, manifestOf, put, read, version } from './objects.js';

const BLOCK = 64 * 1024;
const value = content(12 * BLOCK + 5, 1);
const manifest = manifestOf('a', value, version(1), BLOCK);
const blockOf = (index: number) => value.subarray(index * BLOCK, (index + 1) * BLOCK);

async function writeBlocks(writer: ResumableWriter, first: number, end: number): Promise<void> {
  for (let index = first; index < end; index++) await writer.write(index, blockOf(index));
}

async function suspended(store: Store, blocks: number): Promise<void> {
  const writer = await store.resume(manifest);
  await writeBlocks(writer, 0, blocks);
  await writer.suspend();
}

const there = (writer: ResumableWriter) => manifest.blockHashes.map((_, index) => writer.has(index));
const first = (count: number) => manifest.blockHashes.map((_, index) => index < count);

test('a suspended write goes on where it was, also after a restart, and is nothing to see before it is whole', () =>
  inFolder(async (folder) => {
    await withStore({ folder }, async (store) => {
      await suspended(store, 5);
      assert.is(store.stats().otherBytes, 5 * BLOCK);
      assert.is(store.stats().objects, 0);
      assert.is(await store.current(resourceId('a')), undefined);
      assert.is(await store.manifest(resourceId('a'), version(1)), undefined);
      assert.equal(await store.history(resourceId('a')), []);
      assert.equal(await collect(store.list()), []);
      const again = await store.resume(manifest);
      assert.equal(there(again), first(5));
      await writeBlocks(again, 5, 7);
      await again.suspend();
    });
    await withStore({ folder }, async (store) => {
      assert.is(store.stats().otherBytes, 7 * BLOCK);
      const writer = await store.resume(manifest);
      assert.equal(there(writer), first(7));
      assert.equal(await writer.read(6), Buffer.from(blockOf(6)));
      await writeBlocks(writer, 7, 13);
      assert.is(await writer.commit(manifest, 'cached'), 'committed');
      await writer.suspend();
      assert.equal(await read(store, 'a'), value);
      const { cachedBytes, otherBytes, objects } = store.stats();
      assert.equal({ cachedBytes, otherBytes, objects }, { cachedBytes: value.length, otherBytes: 0, objects: 1 });
    });
    await rawIndex(folder, async (db) => {
      const letters = (await db.keys().all()).map((key) => String.fromCharCode(key[0]!));
      assert.not.ok(letters.includes('p'));
    });
  }));

test('a write that goes on after a newer version has come is kept as an overwritten one, and no longer unfinished', () =>
  inFolder(async (folder) => {
    const newer = content(10, 2);
    await withStore({ folder }, async (store) => {
      await suspended(store, 5);
      await put(store, 'a', newer, version(2), 'replica', BLOCK);
      const writer = await store.resume(manifest);
      await writeBlocks(writer, 5, 13);
      assert.is(await writer.commit(manifest, 'replica'), 'superseded');
      await writer.suspend();
    });
    await withStore({ folder }, async (store) => {
      assert.equal(await read(store, 'a'), newer);
      assert.equal(await read(store, 'a', version(1)), value);
      assert.is(store.stats().otherBytes, value.length);
    });
    await rawIndex(folder, async (db) => {
      const letters = (await db.keys().all()).map((key) => String.fromCharCode(key[0]!));
      assert.not.ok(letters.includes('p'));
    });
    assert.is((await verifyFolder(folder, { finding: () => {}, advance: () => {} })).findings, 0);
  }));

test('a process that ends without a word has lost eight blocks at most', () =>
  inFolder(async (folder) => {
    await withStore({ folder }, async (store) => {
      await writeBlocks(await store.resume(manifest), 0, 10);
      // As the end of the process: nobody suspends it.
    });
    await withStore({ folder }, async (store) => {
      assert.equal(there(await store.resume(manifest)), first(8));
      assert.is(store.stats().otherBytes, 8 * BLOCK);
    });
  }));

test('on a slow link what came is kept every few seconds', () =>
  inFolder(async (folder) => {
    const clock = new ManualClock();
    await withStore({ folder, clock }, async (store) => {
      const writer = await store.resume(manifest);
      await writeBlocks(writer, 0, 2);
      clock.advance(5000);
      await writeBlocks(writer, 2, 3);
    });
    await withStore({ folder, clock }, async (store) => assert.equal(there(await store.resume(manifest)), first(3)));
  }));

test('another version, and a second writer of the same one, begin with nothing', () =>
  inFolder((folder) =>
    withStore({ folder }, async (store) => {
      await suspended(store, 5);
      const other = await store.resume(manifestOf('a', value, version(2), BLOCK));
      assert.equal(there(other), first(0));
      const one = await store.resume(manifest);
      const two = await store.resume(manifest);
      assert.equal(there(one), first(5));
      assert.equal(there(two), first(0));
      for (const writer of [other, one, two]) await writer.abort();
      assert.is(store.stats().otherBytes, 0);
    }),
  ));

test('an abort leaves nothing, and neither does a version that is there already', () =>
  inFolder(async (folder) => {
    await withStore({ folder }, async (store) => {
      await suspended(store, 5);
      await (await store.resume(manifest)).abort();
      assert.is(store.stats().otherBytes, 0);
      await suspended(store, 13);
      await put(store, 'a', value, version(1), 'replica', BLOCK);
      const late = await store.resume(manifest);
      await late.write(12, blockOf(12));
      assert.is(await late.commit(manifest, 'cached'), 'already');
      assert.is(store.stats().otherBytes, 0);
    });
    await withStore({ folder }, async (store) => {
      assert.is(store.stats().otherBytes, 0);
      assert.equal(await read(store, 'a'), value);
    });
  }));

test('a kept block that is damaged is told apart, and written anew', () =>
  inFolder(async (folder) => {
    await withStore({ folder }, (store) => suspended(store, 5));
    const [name] = Object.keys(await segments(folder));
    await changeSegment(folder, name!, (bytes) => {
      bytes[2 * (BLOCK + 28) + 1000]! ^= 1; // of block 2, behind its header
      return bytes;
    });
    await withStore({ folder }, async (store) => {
      const writer = await store.resume(manifest);
      assert.equal(await writer.read(1), Buffer.from(blockOf(1)));
      assert.is(await writer.read(2), undefined);
      assert.not.ok(writer.has(2));
      await writeBlocks(writer, 2, 3);
      await writeBlocks(writer, 5, 12);
      await writer.suspend();
      assert.is(store.logUse().deadBytes, recordBytes(BLOCK), 'its room can be given back');
    });
    await withStore({ folder }, async (store) => {
      assert.is(store.stats().otherBytes, 12 * BLOCK, 'the damaged block does not count beside the new one');
      const writer = await store.resume(manifest);
      await writer.write(12, blockOf(12));
      assert.is(await writer.commit(manifest, 'replica'), 'committed');
      assert.equal(await read(store, 'a'), value);
    });
    const findings: string[] = [];
    await verifyFolder(folder, { finding: ({ what }) => findings.push(what), advance() {} });
    assert.equal(findings, []);
  }));

test('they are the first to leave a full store, and a writer at work keeps what it has', () =>
  inFolder((folder) =>
    withStore({ folder, maxBytes: 4 * MIB }, async (store) => {
      const copy = content(MIB, 3);
      await put(store, 'copy', copy, version(1), 'cached');
      await suspended(store, 12);
      const busy = await store.resume(manifestOf('busy', value, version(1), BLOCK));
      await writeBlocks(busy, 0, 8);
      for (const key of ['x', 'y']) await put(store, key, content(MIB - 100_000, 4), version(1));
      assert.equal(there(await store.resume(manifest)), first(0), 'it has left');
      assert.equal(await read(store, 'copy'), copy, 'and the cached copy has not');
      await put(store, 'z', content(MIB - 100_000, 4), version(1));
      assert.is(await store.current(resourceId('copy')), undefined, 'now it has');
      assert.equal(await busy.read(7), Buffer.from(blockOf(7)));
    }),
  ));

test('what nobody went on with for a day goes, and of too many the oldest', () =>
  inFolder(async (folder) => {
    const clock = new ManualClock();
    await withStore({ folder, clock, graceMs: 1000 }, async (store) => {
      await suspended(store, 5);
      clock.advance(UNFINISHED_KEEP_MS - 1000);
      assert.is(store.stats().otherBytes, 5 * BLOCK);
      clock.advance(1000);
      assert.equal(there(await store.resume(manifest)), first(0));
      await eventually(() => {
        clock.advance(250);
        return store.stats().otherBytes === 0;
      });
      for (let n = 0; n <= MAX_UNFINISHED_WRITES; n++) {
        const writer = await store.resume(manifestOf(`k${n}`, value, version(1), BLOCK));
        await writeBlocks(writer, 0, 1);
        await writer.suspend();
      }
      assert.is(store.stats().otherBytes, MAX_UNFINISHED_WRITES * BLOCK);
      assert.not.ok((await store.resume(manifestOf('k0', value, version(1), BLOCK))).has(0));
      assert.ok((await store.resume(manifestOf('k1', value, version(1), BLOCK))).has(0));
    });
  }));

test('a damaged record is nobody’s, and goes', () =>
  inFolder(async (folder) => {
    const clock = new ManualClock();
    await withStore({ folder, clock }, (store) => suspended(store, 5));
    await rawIndex(folder, async (db) => {
      const [entry] = await db.iterator({ gte: Buffer.from('p'), lt: Buffer.from('q') }).all();
      entry![1][20]! ^= 1;
      await db.put(entry![0], entry![1]);
    });
    await withStore({ folder, clock, graceMs: 1000 }, async (store) => {
      assert.is(store.stats().otherBytes, 5 * BLOCK);
      assert.equal(there(await store.resume(manifest)), first(0));
      await eventually(() => {
        clock.advance(250);
        return store.stats().otherBytes === 0;
      });
    });
  }));

test('a store that is opened anew while a kept block is written again goes on counting every byte of the log', () =>
  inFolder(async (folder) => {
    const disk = new FaultyDisk();
    const clock = new ManualClock();
    const maxBytes = 4 * MIB;
    await withStore({ folder, disk, clock, maxBytes }, async (store) => {
      await suspended(store, 5);
      const writer = await store.resume(manifest);
      await writeBlocks(writer, 0, 1); // the index still names the one before
      disk.full.add('journal');
      await rejects(put(store, 'b', content(100, 2), version(1)), 'MURKY_DISK_FULL');
      disk.full.clear();
      clock.advance(2000);
      let key = 0;
      await rejects(async () => {
        while (key < 1000) await put(store, `c${key++}`, content(20_000, key), version(1));
      }, 'MURKY_STORE_FULL');
      const { bytes } = store.logUse();
      assert.ok(bytes <= maxBytes && bytes > maxBytes - BLOCK, `${bytes} bytes in the log`);
      await writer.abort();
    });
  }));

test.run();
