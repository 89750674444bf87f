import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ObjectStore } from '../../src/store/object-store.js';
import { storeConformance } from './conformance.js';
import { ManualClock } from './manual-clock.js';
import { MemoryDisk } from './simulation/memory-disk.js';
import { NO_FAULTS } from './simulation/memory-files.js';
import { Seeded } from './simulation/seeded.js';

/** The suite of the real store once more: slow syncs, other orders, and the power goes each time before it is opened again. */
storeConformance('ObjectStore on files that lose what was not synced', async (options) => {
  const folder = await mkdtemp(join(tmpdir(), 'murky-store-'));
  const clock = new ManualClock();
  const disk = new MemoryDisk(new Seeded(7));
  const open = () => ObjectStore.open({ folder, clock, disk: disk.boot(), ...options });
  disk.files.faults = { ...NO_FAULTS, slowSync: 0.1 };
  let store = await open();
  return {
    clock,
    store,
    async reopen() {
      disk.crash('power'); // while it is open
      store = await open();
      return store;
    },
    async end() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
});
