import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resourceId } from '../../src/object/key.js';
import { FrequencySketch } from '../../src/store/frequency-sketch.js';
import type { ObjectStore } from '../../src/store/object-store.js';
import { inFolder, withStore } from './beds.js';
import { ManualClock } from './manual-clock.js';
import { content, put, read, version } from './objects.js';

const SIZE = 4000;
const COPIES = 40;
const HOT = Array.from({ length: 10 }, (_, i) => `hot-${i}`);
const options = (folder: string) => ({ folder, maxBytes: COPIES * SIZE, clock: new ManualClock() });

const putCopy = (store: ObjectStore, key: string) => put(store, key, content(SIZE, 1), version(1), 'cached');

async function scan(store: ObjectStore, name: string, copies: number): Promise<void> {
  for (let i = 0; i < copies; i++) await putCopy(store, `${name}-${i}`);
}

async function use(store: ObjectStore, keys: readonly string[], times: number): Promise<void> {
  for (let i = 0; i < times; i++) for (const key of keys) assert.ok(await read(store, key), key);
}

async function missing(store: ObjectStore, keys: readonly string[]): Promise<string[]> {
  const here = await Promise.all(keys.map((key) => store.current(resourceId(key))));
  return keys.filter((_, i) => !here[i]);
}

test('a scan of what is used once leaves what is used often alone', () =>
  inFolder(async (folder) => {
    await withStore(options(folder), async (store) => {
      for (const key of HOT) await putCopy(store, key);
      await use(store, HOT, 3);
      await scan(store, 'scan', 4 * COPIES);
      assert.equal(await missing(store, HOT), []);
      assert.is(store.stats().cachedBytes, COPIES * SIZE, 'the cache is as full as it may be');
      assert.equal(await missing(store, [`scan-${4 * COPIES - 1}`]), [], 'the newest is there');
    });
  }));

test('a newcomer that is used again takes the place of what was used once', () =>
  inFolder(async (folder) => {
    await withStore(options(folder), async (store) => {
      await scan(store, 'old', COPIES);
      await putCopy(store, 'newcomer');
      await use(store, ['newcomer'], 2);
      await scan(store, 'scan', 2 * COPIES);
      assert.equal(await missing(store, ['newcomer']), []);
    });
  }));

test('what was popular lately is known again when it comes back', () =>
  inFolder(async (folder) => {
    await withStore(options(folder), async (store) => {
      await putCopy(store, 'returns');
      await use(store, ['returns'], 3);
      await store.dropCached(resourceId('returns'));
      await scan(store, 'old', COPIES);
      await putCopy(store, 'returns');
      await scan(store, 'scan', 2 * COPIES);
      assert.equal(await missing(store, ['returns']), []);
    });
  }));

test('frequencies survive a restart', () =>
  inFolder(async (folder) => {
    await withStore(options(folder), async (store) => {
      for (const key of HOT) await putCopy(store, key);
      await use(store, HOT, 101);
    });
    await withStore(options(folder), async (store) => {
      await scan(store, 'scan', 4 * COPIES);
      assert.equal(await missing(store, HOT), []);
    });
  }));

test('a sketch counts up to 15, never too low, and halves', () => {
  const sketch = new FrequencySketch();
  for (let id = 0n; id < 5000n; id++) for (let i = 0n; i <= id % 20n; i++) sketch.add(id);
  let exact = 0;
  for (let id = 0n; id < 5000n; id++) {
    const uses = Math.min(15, Number(id % 20n) + 1);
    assert.ok(sketch.count(id) >= uses);
    if (sketch.count(id) === uses) exact++;
  }
  assert.ok(exact > 4990, `${exact} of 5000 are exact`);
  assert.ok(sketch.count(123_456_789n) <= 1, 'what was never used');
  const copy = new FrequencySketch();
  copy.load(sketch.save());
  copy.load(new Uint8Array(7));
  copy.halve();
  for (let id = 0n; id < 5000n; id++) assert.is(copy.count(id), sketch.count(id) >> 1);
  for (let id = 0n; id < 200_000n; id++) sketch.add(id);
  copy.load(sketch.save());
  copy.halve();
  for (let id = 0n; id < 200_000n; id++) assert.ok(copy.count(id) <= sketch.count(id) >> 1, 'counters do not mix');
  assert.is(sketch.count(19n), 15);
});

test.run();
