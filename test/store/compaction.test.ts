import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { tombstone } from '../../src/object/manifest.js';
import { inFolder, MIB, withStore } from './beds.js';
import { eventually } from './expect.js';
import { ManualClock } from './manual-clock.js';
import { content, put, read, version } from './objects.js';

async function bytesOnDisk(folder: string): Promise<number> {
  const names = await readdir(join(folder, 'blocks'));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, 'blocks', name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
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
      await eventually(() => clock.timers > 0);
      assert.ok((await bytesOnDisk(folder)) < 100 * MIB, `${await bytesOnDisk(folder)} bytes are left`);
      assert.equal(await read(store, 'before'), small);
      assert.equal(await read(store, 'behind'), small);
    });
  }));

test.run();
