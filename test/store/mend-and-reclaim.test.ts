import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isMurkyError } from '../../src/errors.js';
import { resourceId } from '../../src/object/key.js';
import { HEADER_BYTES } from '../../src/store/block-record.js';
import { changeSegment, inFolder, segments, withStore } from './beds.js';
import { content, put, read, version } from './objects.js';

test('a damaged block that is mended while its segment is being emptied is sound, here and after a restart', () =>
  inFolder(async (folder) => {
    const BLOCK = 20_000;
    const options = {
      folder,
      maxBytes: 20 * (BLOCK + HEADER_BYTES),
      segmentBytes: 4 * (BLOCK + HEADER_BYTES),
      graceMs: 0,
    };
    // Each round moves the mending to another step of the reclaiming that the writes bring about.
    for (let round = 0; round < 12; round++) {
      const at = version(round + 1);
      const value = content(3 * BLOCK, 100 + round);
      await withStore(options, async (store) => {
        await put(store, 'dead', content(BLOCK, round), at, 'cached', BLOCK);
        await put(store, 'a', value, at, 'replica', BLOCK);
        await store.dropCached(resourceId('dead'));
      });
      for (const name of Object.keys(await segments(folder))) {
        await changeSegment(folder, name, (bytes) => {
          const block = bytes.indexOf(value.subarray(BLOCK, 2 * BLOCK));
          if (block >= 0) bytes[block + 100]! ^= 1;
          return bytes;
        });
      }
      await withStore(options, async (store) => {
        assert.is(await store.check(resourceId('a'), at, 1), 'damaged');
        const writes = Promise.all(
          [0, 1, 2].map((i) => put(store, `new-${i}`, content(5 * BLOCK, i), at, 'cached', BLOCK)),
        );
        for (let turns = 0; turns < round; turns++) await new Promise((resolve) => setImmediate(resolve));
        assert.is(await store.mend(resourceId('a'), at, 1, value.subarray(BLOCK, 2 * BLOCK)), true);
        assert.is(await store.check(resourceId('a'), at, 1), 'sound');
        await writes.catch((error) => assert.ok(isMurkyError(error, 'MURKY_STORE_FULL'), String(error)));
        assert.equal(await read(store, 'a'), value);
      });
      await withStore(options, async (store) => assert.equal(await read(store, 'a'), value));
      const onDisk = Object.values(await segments(folder)).reduce((sum, bytes) => sum + bytes.length, 0);
      assert.ok(onDisk <= options.maxBytes + BLOCK + HEADER_BYTES);
    }
  }));

test.run();
