import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ObjectStore } from '../../src/store/object-store.js';
import { storeConformance } from './conformance.js';
import { ManualClock } from './manual-clock.js';

storeConformance('ObjectStore', async (options) => {
  const folder = await mkdtemp(join(tmpdir(), 'murky-store-'));
  const clock = new ManualClock();
  let store = await ObjectStore.open({ folder, clock, ...options });
  return {
    clock,
    store,
    async reopen() {
      await store.close();
      store = await ObjectStore.open({ folder, clock, ...options });
      return store;
    },
    async end() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
});
