import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resourceId } from '../../src/object/key.js';
import { recordBytes } from '../../src/store/block-record.js';
import { ObjectStore } from '../../src/store/object-store.js';
import { MIB } from './beds.js';
import { ManualClock } from './manual-clock.js';
import { content, put, read, version } from './objects.js';
import { MemoryDisk } from './simulation/memory-disk.js';
import { NO_FAULTS } from './simulation/memory-files.js';
import { Seeded } from './simulation/seeded.js';

/** What a power cut leaves of each write, and of each hole, is drawn. */
const SEEDS = 20;
const BYTES = 20_000;
const OBJECTS = 16;
const OF_SEGMENT = 4;
const GRACE_MS = 1000;
/** Of each segment one stays, so that it is punched, not removed. */
const stays = (i: number) => i % OF_SEGMENT === 0;
const numbers = Array.from({ length: OBJECTS }, (_, i) => i);

/** The ways in which blocks die that the index has named. */
const REMOVALS = {
  'a cached copy is dropped': {
    role: 'cached',
    remove: (store: ObjectStore, i: number) => store.dropCached(resourceId(`${i}`)),
  },
  'the time of an overwritten version is over': {
    role: 'replica',
    remove: (store: ObjectStore, i: number) => put(store, `${i}`, content(10, i), version(2)),
  },
} as const;

for (const [name, { role, remove }] of Object.entries(REMOVALS)) {
  test(`a power cut at the first hole finds no removal that could be undone: ${name}`, async () => {
    let cuts = 0;
    for (let seed = 0; seed < SEEDS; seed++) {
      const disk = new MemoryDisk(new Seeded(seed));
      disk.files.holes = true;
      const clock = new ManualClock();
      const segmentBytes = OF_SEGMENT * recordBytes(BYTES);
      const options = { folder: '/store', clock, maxBytes: 64 * MIB, segmentBytes, graceMs: GRACE_MS };
      const store = await ObjectStore.open({ ...options, disk: disk.boot() });
      for (const i of numbers) await put(store, `${i}`, content(BYTES, i), version(1), role);

      // Syncs take so long that whoever does not wait for them is far ahead.
      disk.files.faults = { ...NO_FAULTS, slowSync: 1 };
      Promise.all(numbers.map((i) => (stays(i) ? undefined : remove(store, i)))).catch(() => {});
      for (let turn = 0; turn < 20_000 && disk.files.punched === 0; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
        clock.advance(GRACE_MS / 100);
      }
      if (disk.files.punched > 0) cuts++;
      disk.crash('power');
      disk.calm();

      // MURKY_BLOCK_CORRUPT where the index has a block back that the disk has no more.
      const after = await ObjectStore.open({ ...options, disk: disk.boot() });
      for (const i of numbers) {
        if (stays(i)) assert.equal(await read(after, `${i}`), content(BYTES, i), `seed ${seed}, object ${i}`);
        else for (const time of [1, 2]) await read(after, `${i}`, version(time));
      }
      await after.close();
    }
    assert.is(cuts, SEEDS, 'each had a hole');
  });
}

test.run();
