import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { resourceId } from '../../src/object/key.js';
import { tombstone } from '../../src/object/manifest.js';
import type { Store } from '../../src/store/contract.js';
import { underLoad } from './conformance-under-load.js';
import { eventually, rejects, settle } from './expect.js';
import type { ManualClock } from './manual-clock.js';
import { collect, content, manifestOf, put, read, version } from './objects.js';

const MIB = 2 ** 20;

export interface StoreBed {
  readonly store: Store;
  readonly clock: ManualClock;
  /** Closes the store and opens it again on the same data. */
  reopen(): Promise<Store>;
  end(): Promise<void>;
}

export interface BedOptions {
  readonly maxBytes: number;
  readonly graceMs: number;
}

/** Adds a case, run on a fresh bed. */
export type AddCase = (title: string, run: (bed: StoreBed) => Promise<void>, options?: Partial<BedOptions>) => void;

/** What any Store has to do; run with the store that `open` makes. */
export function storeConformance(name: string, open: (options: BedOptions) => Promise<StoreBed>): void {
  const test = suite(name);

  const on: AddCase = (title, run, options = {}) =>
    test(title, async () => {
      const bed = await open({ maxBytes: 64 * MIB, graceMs: 60_000, ...options });
      try {
        await run(bed);
      } finally {
        await bed.end();
      }
    });

  for (const size of [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB]) {
    on(`a value of ${size} bytes comes back, also after a restart`, async (bed) => {
      const value = content(size, size);
      assert.is(await put(bed.store, 'a', value, version(1)), 'committed');
      assert.equal(await read(bed.store, 'a'), value);
      assert.equal(await bed.store.current(resourceId('a')), manifestOf('a', value, version(1)));
      const reopened = await bed.reopen();
      assert.equal(await read(reopened, 'a'), value);
      assert.equal(reopened.stats(), { ...bed.store.stats(), objects: 1, replicaBytes: size, otherBytes: 0 });
    });
  }

  on('what is not here is undefined', async ({ store }) => {
    assert.is(await store.current(5n), undefined);
    assert.is(await store.role(5n), undefined);
    assert.is(await store.manifest(5n, version(1)), undefined);
    assert.is(await store.block(5n, version(1), 0), undefined);
    await put(store, 'a', content(10, 1), version(1));
    assert.is(await store.block(resourceId('a'), version(1), 1), undefined);
    assert.is(await store.block(resourceId('a'), version(2), 0), undefined);
  });

  on('blocks are not visible before the commit', async ({ store }) => {
    const value = content(2 * MIB, 1);
    const writer = store.begin();
    await writer.write(1, value.subarray(MIB));
    await writer.write(0, value.subarray(0, MIB));
    assert.is(await store.current(resourceId('a')), undefined);
    assert.equal(await writer.read(1), Buffer.from(value.subarray(MIB)));
    assert.is(await writer.read(2), undefined);
    assert.is(store.stats().otherBytes, 2 * MIB);
    assert.is(await writer.commit(manifestOf('a', value, version(1)), 'replica'), 'committed');
    assert.equal(await read(store, 'a'), value);
    await writer.abort();
    assert.equal(await read(store, 'a'), value, 'an abort after the commit changes nothing');
  });

  on('a commit wants exactly the blocks of its manifest', async ({ store }) => {
    const value = content(MIB + 5, 1);
    const manifest = manifestOf('a', value, version(1));
    const missing = store.begin();
    await missing.write(1, value.subarray(MIB));
    await rejects(missing.commit(manifest, 'replica'), 'MURKY_BAD_ARGUMENT');
    await missing.write(0, value.subarray(0, MIB - 1));
    await rejects(missing.commit(manifest, 'replica'), 'MURKY_BAD_ARGUMENT');
    await missing.write(0, value.subarray(0, MIB));
    await missing.write(2, value.subarray(MIB));
    await rejects(missing.commit(manifest, 'replica'), 'MURKY_BAD_ARGUMENT');
    await missing.abort();
    await missing.abort();
    await rejects(missing.write(0, value.subarray(0, 1)), 'MURKY_BAD_ARGUMENT');
    await rejects(missing.commit(manifest, 'replica'), 'MURKY_BAD_ARGUMENT');
    assert.is(store.stats().otherBytes, 0);
    assert.is(await store.current(resourceId('a')), undefined);
  });

  on('blocks out of range are refused', async ({ store }) => {
    const writer = store.begin();
    for (const index of [-1, 0.5, 262144, Number.NaN]) {
      await rejects(writer.write(index, content(1, 1)), 'MURKY_BAD_ARGUMENT');
    }
    await rejects(writer.write(0, content(0, 1)), 'MURKY_BAD_ARGUMENT');
    await rejects(writer.write(0, content(MIB + 1, 1)), 'MURKY_BAD_ARGUMENT');
  });

  on('the newest version wins, in whatever order they come', async ({ store }) => {
    const [old, mid, young] = [content(100, 1), content(200, 2), content(300, 3)];
    assert.is(await put(store, 'a', mid, version(2)), 'committed');
    assert.is(await put(store, 'a', old, version(1)), 'superseded');
    assert.is(await put(store, 'a', mid, version(2)), 'already');
    assert.is(await put(store, 'a', old, version(2, 0n)), 'superseded', 'of one time the greater node id wins');
    assert.is(await put(store, 'a', young, version(2, 2n)), 'committed');
    assert.equal(await read(store, 'a'), young);
    assert.equal(store.stats(), {
      objects: 1,
      tombstones: 0,
      replicaBytes: 300,
      cachedBytes: 0,
      otherBytes: 400,
      maxBytes: 64 * MIB,
    });
  });

  on('a superseded replica is kept as if it had come first, once; a cached copy is not', async (bed) => {
    const id = resourceId('a');
    const [old, young] = [content(2 * MIB, 1), content(MIB, 2)];
    await put(bed.store, 'a', young, version(5));
    assert.is(await put(bed.store, 'a', old, version(1), 'cached'), 'superseded');
    assert.is(await bed.store.manifest(id, version(1)), undefined);
    assert.is(bed.store.stats().otherBytes, 0);
    for (let time = 0; time < 2; time++) {
      assert.is(await put(bed.store, 'a', old, version(1)), 'superseded');
      assert.is(bed.store.stats().otherBytes, 2 * MIB);
    }
    assert.is(await bed.store.begin().commit(tombstone('a', version(3)), 'replica'), 'superseded');
    const store = await bed.reopen();
    assert.equal(await read(store, 'a', version(1)), old);
    assert.equal(await read(store, 'a'), young);
    assert.equal(
      (await store.history(id)).map(({ version: { time }, tombstone: gone }) => [Number(time), gone]),
      [
        [5, false],
        [3, true],
        [1, false],
      ],
    );
    assert.equal([store.stats().objects, store.stats().tombstones, store.stats().otherBytes], [1, 0, 2 * MIB]);
    bed.clock.advance(60_001);
    await eventually(() => store.stats().otherBytes === 0);
    assert.equal(await read(store, 'a'), young);
  });

  on('an id belongs to one key, also when that one was deleted', async ({ store }) => {
    const id = resourceId('some key');
    const key = String(id);
    await put(store, 'some key', content(10, 1), version(1));
    await rejects(put(store, key, content(10, 2), version(2)), 'MURKY_ID_TAKEN');
    await store.begin().commit(tombstone('some key', version(3)), 'replica');
    await rejects(put(store, key, content(10, 2), version(4)), 'MURKY_ID_TAKEN');
    assert.is(store.stats().otherBytes, 10, 'only the overwritten version counts');
  });

  on('a delete is a version: it wins, is kept and can be overwritten', async (bed) => {
    const id = resourceId('a');
    await put(bed.store, 'a', content(10, 1), version(1));
    assert.is(await bed.store.begin().commit(tombstone('a', version(2)), 'replica'), 'committed');
    assert.is((await bed.store.current(id))?.tombstone, true);
    assert.equal(await collect(bed.store.list()), []);
    assert.equal(
      (await collect(bed.store.all())).map((one) => one.manifest.tombstone),
      [true],
    );
    assert.equal([bed.store.stats().objects, bed.store.stats().tombstones], [0, 1]);
    assert.is(await put(bed.store, 'a', content(10, 1), version(1)), 'superseded');
    const store = await bed.reopen();
    assert.is((await store.current(id))?.tombstone, true);
    assert.is(await put(store, 'a', content(20, 3), version(3)), 'committed');
    assert.equal(await read(store, 'a'), content(20, 3));
    assert.equal([store.stats().objects, store.stats().tombstones], [1, 0]);
    assert.equal((await collect(store.list())).length, 1);
  });

  on('an overwritten version is readable for its grace time, over a restart, and then gone', async (bed) => {
    const [first, second] = [content(2 * MIB + 3, 1), content(MIB, 2)];
    await put(bed.store, 'a', first, version(1));
    bed.clock.advance(1000);
    await put(bed.store, 'a', second, version(2));
    bed.clock.advance(59_000);
    const store = await bed.reopen();
    assert.equal(await read(store, 'a'), second);
    assert.equal(await read(store, 'a', version(1)), first);
    assert.is(store.stats().otherBytes, first.length);
    bed.clock.advance(61_000);
    await eventually(() => store.stats().otherBytes === 0);
    assert.is(await store.manifest(resourceId('a'), version(1)), undefined);
    assert.is(await store.block(resourceId('a'), version(1), 0), undefined);
    assert.equal(await read(store, 'a'), second);
  });

  on('the grace time of a version that is being read is extended', async ({ store, clock }) => {
    const first = content(3 * MIB, 1);
    await put(store, 'a', first, version(1));
    await put(store, 'a', content(1, 2), version(2));
    for (let step = 0; step < 6; step++) {
      clock.advance(30_000);
      await settle();
      assert.ok(await store.block(resourceId('a'), version(1), step % 3), `after ${step + 1} half grace times`);
    }
    clock.advance(60_001);
    await eventually(() => store.stats().otherBytes === 0);
    assert.is(await store.block(resourceId('a'), version(1), 0), undefined);
  });

  on('a wall clock that is set back does not keep overwritten versions for ever', async (bed) => {
    await put(bed.store, 'a', content(10, 1), version(1));
    await put(bed.store, 'a', content(20, 2), version(2));
    bed.clock.stepWall(-86_400_000);
    const store = await bed.reopen();
    assert.is(store.stats().otherBytes, 10);
    bed.clock.advance(60_001);
    await eventually(() => store.stats().otherBytes === 0);
  });

  on('roles: shown, changed, counted', async (bed) => {
    const id = resourceId('a');
    await put(bed.store, 'a', content(10, 1), version(1), 'cached');
    assert.is(await bed.store.role(id), 'cached');
    assert.is(bed.store.stats().cachedBytes, 10);
    await bed.store.setRole(id, version(9), 'replica');
    assert.is(await bed.store.role(id), 'cached', 'of another version');
    await bed.store.setRole(id, version(1), 'replica');
    assert.is(bed.store.stats().replicaBytes, 10);
    assert.is(bed.store.stats().cachedBytes, 0);
    await bed.store.dropCached(id);
    assert.is(await (await bed.reopen()).role(id), 'replica');
  });

  on('a replica that was already a cached copy is a replica', async ({ store }) => {
    await put(store, 'a', content(10, 1), version(1), 'cached');
    assert.is(await put(store, 'a', content(10, 1), version(1), 'replica'), 'already');
    assert.is(await store.role(resourceId('a')), 'replica');
    assert.is(await put(store, 'a', content(10, 1), version(1), 'cached'), 'already');
    assert.is(await store.role(resourceId('a')), 'replica', 'and stays one');
  });

  on('a cached copy can be dropped and comes back', async ({ store }) => {
    await put(store, 'a', content(10, 1), version(1), 'cached');
    await store.dropCached(resourceId('a'));
    assert.is(await store.current(resourceId('a')), undefined);
    assert.equal(await collect(store.list()), []);
    assert.is(store.stats().cachedBytes + store.stats().otherBytes + store.stats().objects, 0);
    assert.is(await put(store, 'a', content(10, 1), version(1), 'cached'), 'committed');
    assert.equal(await read(store, 'a'), content(10, 1));
  });

  on('a version that comes back and is overwritten a second time is kept once', async (bed) => {
    const { store, clock } = bed;
    await put(store, 'a', content(10, 1), version(1));
    await put(store, 'a', content(20, 2), version(2), 'cached');
    await store.dropCached(resourceId('a'));
    assert.is(await put(store, 'a', content(10, 1), version(1)), 'committed');
    clock.advance(1000);
    await put(store, 'a', content(30, 3), version(3));
    assert.is(store.stats().otherBytes, 10);
    assert.equal(await read(store, 'a', version(1)), content(10, 1));
    const after = await bed.reopen();
    assert.is(after.stats().otherBytes, 10);
    clock.advance(60_001);
    await eventually(() => after.stats().otherBytes === 0);
    assert.is(await after.manifest(resourceId('a'), version(1)), undefined);
  });

  on('list goes in key order, by prefix, behind a key, up to a limit', async ({ store }) => {
    const keys = ['b', 'a/2', 'a/1', 'a', 'é', 'z', '12', 'a/10', '\u{1f30a}', '\uffee'];
    for (const [i, key] of keys.entries()) await put(store, key, content(i, i), version(1));
    const sorted = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const list = async (options?: Parameters<Store['list']>[0]) =>
      (await collect(store.list(options))).map((manifest) => manifest.key);
    assert.equal(await list(), sorted);
    assert.equal(await list({ prefix: 'a/' }), ['a/1', 'a/10', 'a/2']);
    assert.equal(await list({ prefix: 'a', after: 'a/1', limit: 1 }), ['a/10']);
    assert.equal(await list({ after: 'z' }), sorted.slice(sorted.indexOf('z') + 1));
    assert.equal(await list({ limit: 0 }), []);
    assert.equal(await list({ prefix: 'a/', after: 'b' }), []);
    assert.equal(await list({ prefix: 'b', after: 'a' }), ['b']);
    const ids = (await collect(store.all())).map(({ manifest }) => manifest.id);
    assert.equal(
      ids,
      [...ids].sort((a, b) => (a < b ? -1 : 1)),
    );
    assert.is(ids.length, keys.length);
  });

  on('walks go on while objects come and go', async ({ store }) => {
    const keys = Array.from({ length: 600 }, (_, i) => `k${String(i).padStart(4, '0')}`);
    await Promise.all(keys.map((key, i) => put(store, key, content(1, i), version(1))));
    const seen: string[] = [];
    for await (const { key } of store.list()) {
      seen.push(key);
      if (seen.length === 100) {
        for (const gone of keys.slice(400, 410)) await store.begin().commit(tombstone(gone, version(2)), 'replica');
        await put(store, 'a-first', content(1, 1), version(1));
        await put(store, 'k0300', content(2, 2), version(2));
      }
    }
    assert.is(new Set(seen).size, seen.length);
    const stay = keys.filter((_, i) => i < 400 || i >= 410);
    assert.ok(stay.every((key) => seen.includes(key)));
  });

  on('facts are kept, listed by prefix in order, deleted', async (bed) => {
    const { facts } = bed.store;
    for (const key of ['hint/2', 'hint/1', 'hint/10', 'peer/é', '']) await facts.put(key, Buffer.from(`<${key}>`));
    await facts.put('hint/2', Buffer.from('again'));
    await facts.delete('hint/10');
    await facts.delete('never there');
    const after = (await bed.reopen()).facts;
    assert.equal(await after.get('hint/2'), Buffer.from('again'));
    assert.equal(await after.get(''), Buffer.from('<>'));
    assert.is(await after.get('hint/10'), undefined);
    assert.equal(
      (await collect(after.entries('hint/'))).map(([key]) => key),
      ['hint/1', 'hint/2'],
    );
    assert.equal(
      (await collect(after.entries(''))).map(([key]) => key),
      ['', 'hint/1', 'hint/2', 'peer/é'],
    );
    await rejects(after.put('x'.repeat(1025), Buffer.alloc(1)), 'MURKY_BAD_ARGUMENT');
  });

  underLoad(on);
  test.run();
}
