import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resourceId } from '../../src/object/key.js';
import { tombstone } from '../../src/object/manifest.js';
import { recordBytes } from '../../src/store/block-record.js';
import { levelDisk } from '../../src/store/disk.js';
import type { StoreFile } from '../../src/store/files.js';
import { inFolder, MIB, withStore } from './beds.js';
import { eventually, settle } from './expect.js';
import { ManualClock } from './manual-clock.js';
import { content, put, read, version } from './objects.js';

const SMALL = 20_000;
const COPIES = 80;
/** What one step takes at most here: it copies the records of a segment, of which a quarter are in use. */
const STEP_MS = 2 * 40;

/** Real sizes; a segment may go meanwhile. */
async function bytesOnDisk(folder: string): Promise<number> {
  const names = await readdir(join(folder, 'segments'));
  const sizes = names.map(
    async (name) =>
      await stat(join(folder, 'segments', name)).then(
        ({ size }) => size,
        () => 0,
      ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

test('the room of a large deleted object goes back to the disk, and what stays is untouched', () =>
  inFolder(async (folder) => {
    const clock = new ManualClock();
    const [large, small] = [content(160 * MIB, 1), content(3 * MIB, 2)];
    await withStore({ folder, clock, maxBytes: 1024 * MIB }, async (store) => {
      await put(store, 'before', small, version(1));
      await put(store, 'large', large, version(1));
      await put(store, 'behind', small, version(1));
      await store.begin().commit(tombstone('large', version(2)), 'replica');
      assert.ok((await bytesOnDisk(folder)) > 160 * MIB);
      clock.advance(60_001);
      await eventually(() => store.stats().otherBytes === 0);
      // One segment's worth of dead bytes may stay: of this budget 16 MiB.
      for (let i = 0; i < 500 && (await bytesOnDisk(folder)) > 23 * MIB; i++) await settle();
      assert.ok((await bytesOnDisk(folder)) <= 23 * MIB, `${await bytesOnDisk(folder)} bytes are left`);
      assert.equal(await read(store, 'before'), small);
      assert.equal(await read(store, 'behind'), small);
    });
  }));

test('what stays of many segments comes together in few', () =>
  inFolder(async (folder) => {
    // A step copies 64 records: of the 65 that stay at the beginning of each segment it leaves one.
    const [stay, go, batches] = [65, 191, 30];
    const segmentBytes = (stay + go) * recordBytes(SMALL);
    const least = Math.ceil((batches * stay) / (stay + go));
    const each = (count: number, work: (i: number) => Promise<unknown>) =>
      Promise.all(Array.from({ length: count }, (_, i) => work(i)));
    await withStore({ folder, maxBytes: 512 * MIB, segmentBytes, reclaimTimeFraction: 1 }, async (store) => {
      for (let batch = 0; batch < batches; batch++) {
        await each(stay, (i) => put(store, `stays ${batch} ${i}`, content(SMALL, i), version(1), 'replica'));
        await each(go, (i) => put(store, `goes ${batch} ${i}`, content(SMALL, i), version(1), 'cached'));
      }
      const segments = async () => (await readdir(join(folder, 'segments'))).length;
      assert.ok((await segments()) >= batches);
      for (let batch = 0; batch < batches; batch++) {
        await each(go, (i) => store.dropCached(resourceId(`goes ${batch} ${i}`)));
      }
      // Of one segment more there may be dead bytes.
      const most = 8 + 2 * (least + 1);
      for (let i = 0; i < 300 && (await segments()) > most; i++) await settle();
      assert.ok((await segments()) <= most, `${await segments()} segments, of ${most}`);
      for (let batch = 0; batch < batches; batch++) {
        for (const i of [0, 1, stay - 1]) assert.equal(await read(store, `stays ${batch} ${i}`), content(SMALL, i));
      }
    });
  }));

for (const fraction of [0.1, 0.5]) {
  test(`steps in the background take ${fraction} of the time at most`, () =>
    inFolder(async (folder) => {
      const clock = new ManualClock();
      let reclaiming = false;
      let busyMs = 0;
      // Each write of a copy, and nothing else, takes time.
      const slow = (file: StoreFile): StoreFile => ({
        size: () => file.size(),
        read: (offset, length) => file.read(offset, length),
        sync: () => file.sync(),
        truncate: (size) => file.truncate(size),
        close: () => file.close(),
        write: async (parts, offset) => {
          await file.write(parts, offset);
          if (!reclaiming) return;
          busyMs += 40;
          clock.advance(40);
        },
      });
      const open: typeof levelDisk.files.open = async (path, mode) => {
        const file = await levelDisk.files.open(path, mode);
        return path.includes('segments') ? slow(file) : file;
      };
      const disk = { ...levelDisk, files: { ...levelDisk.files, open } };
      const segmentBytes = 8 * recordBytes(SMALL);
      const options = { folder, clock, disk, maxBytes: 64 * MIB, segmentBytes, reclaimTimeFraction: fraction };
      await withStore(options, async (store) => {
        await Promise.all(
          Array.from({ length: COPIES }, (_, i) => put(store, `${i}`, content(SMALL, i), version(1), 'cached')),
        );
        const before = await bytesOnDisk(folder);
        reclaiming = true;
        const startedMs = clock.monotonic();
        const dropped = Array.from({ length: COPIES }, (_, i) => i).filter((i) => i % 4 > 0);
        await Promise.all(dropped.map((i) => store.dropCached(resourceId(`${i}`))));
        for (let i = 0; i < 5000 && (await bytesOnDisk(folder)) > before / 2; i++) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          clock.advance(8);
          const elapsedMs = clock.monotonic() - startedMs;
          assert.ok(busyMs <= fraction * elapsedMs + STEP_MS, `${busyMs} of ${elapsedMs} ms`);
        }
        assert.ok((await bytesOnDisk(folder)) <= before / 2, 'it was reclaimed');
        assert.ok(busyMs > 2 * STEP_MS, `${busyMs} ms in several steps`);
      });
    }));
}

test.run();
