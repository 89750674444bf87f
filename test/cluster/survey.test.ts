import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Survey } from '../../src/cluster/repair/survey.js';
import { tombstone } from '../../src/object/manifest.js';
import { systemClock } from '../../src/seam/clock.js';
import { MemoryStore } from '../simulation/memory-store.js';

test('a misplaced replica that cannot be noted fails the survey, and nothing else', async () => {
  const store = new MemoryStore();
  for (let n = 0; n < 50; n++) {
    await store.begin().commit(tombstone(`key ${n}`, { time: 7n, node: 1n }), 'replica');
  }
  const slowly = {
    async *versions() {
      for await (const held of store.versions()) {
        yield held;
        await new Promise((resolve) => setImmediate(resolve)); // as from a disk
      }
    },
  };
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  const survey = new Survey({
    self: 1n,
    store: slowly as unknown as MemoryStore,
    clock: systemClock,
    owners: () => ({ self: false, others: [] }),
    generation: () => 1,
    onMisplaced: async () => {
      throw new Error('the disk is full');
    },
  });
  const failed = await survey.take(new AbortController().signal).catch((error) => error);
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', note);
  assert.match(String(failed), /the disk is full/);
  assert.equal(unhandled, []);
});

test.run();
