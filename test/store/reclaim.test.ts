import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { tombstone } from '../../src/object/manifest.js';
import { inFolder, MIB, segments, withStore } from './beds.js';
import { eventually, settle } from './expect.js';
import { ManualClock } from './manual-clock.js';
import { content, put, read, version } from './objects.js';

async function bytesOnDisk(folder: string): Promise<number> {
  return Object.values(await segments(folder)).reduce((sum, bytes) => sum + bytes.length, 0);
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

test.run();
