import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { tombstone } from '../../src/object/manifest.js';
import { inFolder, MIB, withStore } from './beds.js';
import { version } from './objects.js';

const TOMBSTONES = 20_000;
const AT_ONCE = 250;
const keyOf = (n: number) => `deleted/${String(n).padStart(26, '0')}`;

async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder);
  const sizes = names.map(async (name) => (await stat(join(folder, name))).size);
  return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
}

test('a deletion takes the room that docs/consistency.md tells of', () =>
  inFolder(async (folder) => {
    assert.is(keyOf(1).length, 34);
    await withStore({ folder, maxBytes: 256 * MIB }, async (store) => {
      const remove = (n: number) => store.begin().commit(tombstone(keyOf(n), version(n + 1)), 'replica');
      for (let from = 0; from < TOMBSTONES; from += AT_ONCE) {
        await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => remove(from + i)));
      }
      assert.is(store.stats().tombstones, TOMBSTONES);
    });
    for (const [part, bytes] of [
      ['index', 118],
      ['journal', 266],
    ] as const) {
      const found = (await bytesIn(join(folder, part))) / TOMBSTONES;
      assert.ok(Math.abs(found - bytes) < 0.1 * bytes, `${found.toFixed(1)} bytes each in ${part}, not ${bytes}`);
    }
  }));

test.run();
