import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resourceId } from '../../src/object/key.js';
import type { Manifest } from '../../src/object/manifest.js';
import type { Version } from '../../src/object/version.js';
import type { ObjectStore } from '../../src/store/object-store.js';
import { inFolder, withStore } from './beds.js';
import { eventually } from './expect.js';
import { content, put, version } from './objects.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const GRACE_MS = 20;
const id = resourceId('key');
const write = (store: ObjectStore, at: Version) =>
  put(store, 'key', content(100, Number(at.time)), at, 'cached').then(() => {});

/** What the store keeps of it is kept by nothing else. */
async function read(store: ObjectStore, at: Version): Promise<WeakRef<Manifest>> {
  return new WeakRef((await store.manifest(id, at))!);
}

async function isKept(reference: WeakRef<Manifest>): Promise<boolean> {
  await new Promise((resolve) => setImmediate(resolve)); // until then its target stays
  collect();
  return reference.deref() !== undefined;
}

/** Each way removes version 1, which is current before. */
const WAYS: Record<string, (store: ObjectStore) => Promise<void>> = {
  'dropped as a copy': (store) => store.dropCached(id),
  'overwritten for longer than it is kept': async (store) => {
    await write(store, version(2));
    let there = true;
    await eventually(() => {
      void store.manifest(id, version(1)).then((found) => {
        there = found !== undefined;
      });
      return !there;
    });
  },
};

for (const [name, remove] of Object.entries(WAYS)) {
  test(`the manifest of a version stays in memory while it is used, not when it was ${name}`, () =>
    inFolder((folder) =>
      withStore({ folder, graceMs: GRACE_MS }, async (store) => {
        await write(store, version(1));
        const manifest = await read(store, version(1));
        assert.ok(await isKept(manifest));
        await remove(store);
        assert.not(await isKept(manifest));
      }),
    ));
}

test('nor when it came once more, and the version before was removed for it', () =>
  inFolder((folder) =>
    withStore({ folder }, async (store) => {
      await write(store, version(1));
      await write(store, version(2));
      const manifest = await read(store, version(1));
      await store.dropCached(id);
      await write(store, version(1));
      assert.ok(await isKept(manifest), 'that of the first time');
      await write(store, version(3));
      assert.not(await isKept(manifest));
    }),
  ));

test.run();
