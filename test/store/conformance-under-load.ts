import * as assert from 'uvu/assert';
import { resourceId } from '../../src/object/key.js';
import { recordBytes } from '../../src/store/block-record.js';
import type { AddCase } from './conformance.js';
import { eventually, rejects, settle } from './expect.js';
import { collect, content, put, read, version } from './objects.js';

const MIB = 2 ** 20;

/** Cases of the conformance suite in which room is short, or several work at once. */
export function underLoad(on: AddCase): void {
  on(
    'cached copies make room, what was used again last of them; replicas never',
    async ({ store, clock }) => {
      await put(store, 'replica', content(2 * MIB, 1), version(1));
      for (const key of ['one', 'two', 'three']) {
        await put(store, key, content(2 * MIB, 2), version(1), 'cached');
        clock.advance(20_000);
      }
      assert.ok(await read(store, 'one'));
      await settle();
      clock.advance(20_000);
      await put(store, 'four', content(2 * MIB, 3), version(1), 'cached');
      for (const key of ['replica', 'one', 'four']) assert.ok(await read(store, key), key);
      const others = await Promise.all(['two', 'three'].map((key) => store.current(resourceId(key))));
      assert.ok(others.filter((one) => one).length < 2, 'one that was used only once has gone');
      clock.advance(20_000);
      await put(store, 'big', content(6 * MIB, 4), version(1));
      assert.equal(
        (await collect(store.list())).map((manifest) => manifest.key),
        ['big', 'replica'],
      );
      await rejects(put(store, 'more', content(1, 5), version(1)), 'MURKY_STORE_FULL');
      assert.equal(await read(store, 'replica'), content(2 * MIB, 1));
      assert.is(store.stats().replicaBytes, 8 * MIB);
      assert.is(store.stats().otherBytes, 0, 'what did not fit left nothing behind');
    },
    { maxBytes: 8 * recordBytes(MIB) },
  );

  on(
    'a cached copy is not evicted under its reader',
    async ({ store, clock }) => {
      await put(store, 'read', content(3 * MIB, 1), version(1), 'cached');
      clock.advance(5000); // too little for the read below to count as a later use

      await put(store, 'idle', content(3 * MIB, 2), version(1), 'cached');
      assert.ok(await store.block(resourceId('read'), version(1), 0));
      await put(store, 'new', content(3 * MIB, 3), version(1), 'cached');
      assert.ok(await store.block(resourceId('read'), version(1), 1));
      assert.ok(await store.block(resourceId('read'), version(1), 2));
      assert.is(await store.current(resourceId('idle')), undefined);
    },
    { maxBytes: 8 * MIB },
  );

  on(
    'what cannot fit evicts nothing',
    async ({ store }) => {
      await put(store, 'replica', content(3 * MIB, 1), version(1));
      await put(store, 'cached', content(100, 2), version(1), 'cached');
      await rejects(put(store, 'big', content(MIB, 3), version(1)), 'MURKY_STORE_FULL');
      assert.ok(await read(store, 'cached'));
    },
    { maxBytes: 3 * MIB + 200 },
  );

  on('writers of one key at once: the newest wins, nothing is left over', async (bed) => {
    const { store, clock } = bed;
    const order = [5, 2, 9, 1, 7, 3, 8, 6, 4, 10, 10];
    const answers = await Promise.all(order.map((at) => put(store, 'a', content(1000 + at, at), version(at))));
    assert.is(answers.filter((answer) => answer === 'already').length <= 1, true);
    assert.equal(await read(store, 'a'), content(1010, 10));
    for (const [i, at] of order.entries()) {
      if (answers[i] === 'committed') assert.equal(await read(store, 'a', version(at)), content(1000 + at, at));
    }
    clock.advance(60_001);
    await eventually(() => store.stats().otherBytes === 0);
    const after = await bed.reopen();
    assert.equal(after.stats(), store.stats());
    assert.is(after.stats().replicaBytes, 1010);
  });

  on('a version that is overwritten while being read never mixes', async ({ store }) => {
    const values = Array.from({ length: 8 }, (_, i) => content(4 * 4096, i));
    await put(store, 'a', values[0]!, version(1), 'replica', 4096);
    let reads = 0;
    let writing = true;
    const readers = Array.from({ length: 4 }, async () => {
      while (writing) {
        const manifest = (await store.current(resourceId('a')))!;
        const value = await read(store, 'a', manifest.version);
        assert.equal(value, values[Number(manifest.version.time - 1n) % values.length]);
        reads++;
      }
    });
    for (let at = 1; at < 40; at++) {
      await put(store, 'a', values[at % values.length]!, version(at + 1), 'replica', 4096);
    }
    writing = false;
    await Promise.all(readers);
    assert.ok(reads > 0);
  });

  on('close waits for work in progress; later calls say that it is closed', async ({ store }) => {
    await put(store, 'a', content(10, 1), version(1));
    const writing = put(store, 'b', content(1, 2), version(1)).then(
      () => 'stored',
      (error) => error.code,
    );
    const writer = store.begin();
    const block = writer.write(0, content(MIB, 3));
    const closing = store.close();
    await block;
    await closing;
    await store.close();
    assert.ok(['stored', 'MURKY_CLOSED'].includes(await writing));
    await rejects(store.current(1n), 'MURKY_CLOSED');
    await rejects(store.block(1n, version(1), 0), 'MURKY_CLOSED');
    await rejects(() => collect(store.list()), 'MURKY_CLOSED');
    await rejects(() => collect(store.all()), 'MURKY_CLOSED');
    await rejects(store.facts.get('a'), 'MURKY_CLOSED');
    await rejects(store.facts.put('a', Buffer.alloc(1)), 'MURKY_CLOSED');
    await rejects(async () => store.begin(), 'MURKY_CLOSED');
    await rejects(writer.write(1, content(1, 1)), 'MURKY_CLOSED');
    await writer.abort();
  });
}
