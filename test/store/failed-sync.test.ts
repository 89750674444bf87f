import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resourceId } from '../../src/object/key.js';
import { tombstone } from '../../src/object/manifest.js';
import { ObjectStore } from '../../src/store/object-store.js';
import { inFolder, MIB } from './beds.js';
import { rejects } from './expect.js';
import { version } from './objects.js';
import { MemoryDisk } from './simulation/memory-disk.js';
import { NO_FAULTS } from './simulation/memory-files.js';
import { Seeded } from './simulation/seeded.js';

/** What a power cut leaves is drawn: the journal keeps the write, the index alone does, both or none. */
const SEEDS = 40;

for (const index of ['there', 'lost'] as const) {
  test(`what a start finds of a write whose sync failed is in the journal, not in the index alone; index ${index}`, async () => {
    let found = 0;
    for (let seed = 0; seed < SEEDS; seed++) {
      await inFolder(async (folder) => {
        const disk = new MemoryDisk(new Seeded(seed));
        const open = () => ObjectStore.open({ folder, disk: disk.boot(), maxBytes: 64 * MIB });

        const store = await open();
        disk.files.faults = { ...NO_FAULTS, syncFails: 1 };
        // A deletion has no blocks: they could be lost by themselves.
        await rejects(store.begin().commit(tombstone('key', version(1)), 'replica'), 'MURKY_DATA_DIR_UNUSABLE');
        disk.crash('process');
        if (index === 'lost') disk.loseIndex(folder);
        await rejects(open(), 'MURKY_DATA_DIR_UNUSABLE');
        disk.crash('power');
        disk.calm();

        const there = (await (await open()).current(resourceId('key'))) !== undefined;
        if (there) found++;
        disk.crash('process');
        disk.loseIndex(folder);
        const rebuilt = await open();
        assert.is((await rebuilt.current(resourceId('key'))) !== undefined, there, `seed ${seed}`);
        await rebuilt.close();
      });
    }
    assert.ok(found > 0 && found < SEEDS, `${found} of ${SEEDS} found it`);
  });
}

test.run();
