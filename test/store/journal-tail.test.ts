import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MurkyError } from '../../src/errors.js';
import { resourceId } from '../../src/object/key.js';
import type { Disk } from '../../src/store/disk.js';
import { textKey } from '../../src/store/index-keys.js';
import { encodeJournalRecord } from '../../src/store/journal-record.js';
import { ObjectStore } from '../../src/store/object-store.js';
import { verifyFolder } from '../../src/store/verify.js';
import { MIB } from './beds.js';
import { rejects } from './expect.js';
import { ManualClock } from './manual-clock.js';
import { content, put, read, version } from './objects.js';
import { MemoryDisk } from './simulation/memory-disk.js';
import { NO_FAULTS } from './simulation/memory-files.js';
import { Seeded } from './simulation/seeded.js';

const folder = '/data';
/** What a power cut leaves of each write is drawn. */
const SEEDS = 40;
const USED_AGAIN_MS = 3_600_000;
const KEYS = ['a', 'b', 'c'];
const LONG_KEY_BYTES = 1000;

/** What `murky verify` tells of a folder. */
async function verified(disk: MemoryDisk): Promise<string[]> {
  const told: string[] = [];
  await verifyFolder(folder, { finding: ({ what }) => told.push(what), advance() {} }, disk.boot());
  return told;
}

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

test('a power cut leaves no hole in the journal where uses of copies were noted before it', async () => {
  let [stored, lost] = [0, 0];
  for (let seed = 0; seed < SEEDS; seed++) {
    const random = new Seeded(seed);
    const disk = new MemoryDisk(random);
    const clock = new ManualClock();
    const open = () => ObjectStore.open({ folder, disk: disk.boot(), clock, maxBytes: 64 * MIB });
    const store = await open();
    for (const key of KEYS) await put(store, key, content(100, 1), version(1), 'cached');
    clock.advance(USED_AGAIN_MS);
    for (const key of KEYS) {
      await read(store, key);
      await turns(20);
    }
    // Half of the times the cut comes while its sync is under way or has failed, else when it is on the disk.
    disk.files.faults = { ...NO_FAULTS, syncFails: 0.5 };
    put(store, 'd', content(100, 2), version(1)).catch(() => {});
    await turns(random.below(30));
    disk.crash('power');
    disk.calm();

    assert.equal(await verified(disk), [], `seed ${seed}, before the start`);
    const started = await open();
    if (await started.current(resourceId('d'))) stored++;
    else lost++;
    for (const key of KEYS) assert.equal(await read(started, key), content(100, 1), `seed ${seed}`);
    await started.close();
    assert.equal(await verified(disk), [], `seed ${seed}, after the start`);
  }
  assert.ok(stored > 0 && lost > 0, `${stored} stored, ${lost} lost`);
});

test('uses of copies are in the journal before they take much memory, and with the next write', async () => {
  for (const many of [false, true]) {
    const disk = new MemoryDisk(new Seeded(1));
    const clock = new ManualClock();
    const open = () => ObjectStore.open({ folder, disk: disk.boot(), clock, maxBytes: 64 * MIB });
    const store = await open();
    const keys = Array.from({ length: 80 }, (_, i) => `${i}`.padStart(LONG_KEY_BYTES));
    for (const key of keys) await put(store, key, content(10, 1), version(1), 'cached');
    const before = disk.files.bytesIn(`${folder}/journal`);
    clock.advance(USED_AGAIN_MS);
    for (const key of many ? keys : keys.slice(0, 1)) await read(store, key);
    await turns(500);
    const noted = disk.files.bytesIn(`${folder}/journal`) - before;
    if (many) assert.ok(noted > LONG_KEY_BYTES * keys.length - 65_536, `${noted} bytes of ${keys.length} uses`);
    else assert.is(noted, 0, 'nothing is written for one use');
    await store.facts.put('next', content(1, 1));
    const inAll = disk.files.bytesIn(`${folder}/journal`) - before;
    assert.ok(inAll > LONG_KEY_BYTES * (many ? keys.length : 1), `${inAll} bytes with the next write`);
    await store.close();
  }
});

test('what a power cut tore off a log is gone once another log follows it', async () => {
  let [cutOff, uncut] = [0, 0];
  for (let seed = 0; seed < SEEDS; seed++) {
    const random = new Seeded(seed);
    const disk = new MemoryDisk(random);
    const open = (on: Disk = disk.boot()) => ObjectStore.open({ folder, disk: on, maxBytes: 64 * MIB });
    const store = await open();
    await put(store, 'a', content(100, 1), version(1));
    // Not acknowledged, as its syncs take their time; the cut takes its record, its blocks, both, or a part.
    disk.files.faults = { ...NO_FAULTS, slowSync: 1 };
    put(store, 'b', content(40_000, 2), version(1), 'replica', 20_000).catch(() => {});
    await turns(50);
    disk.crash('power');
    disk.calm();
    const bytes = disk.files.bytesIn(`${folder}/journal`);

    // The index is made anew and a new log begins, whose snapshot does not come to be; and for half of the seeds the
    // torn log cannot be cut the first time, and the power goes once more.
    disk.loseIndex(folder);
    const start = () => open(withoutSnapshots(disk.boot()));
    disk.files.faults = { ...NO_FAULTS, truncateFails: seed % 2 };
    const refused = await start().catch((error: MurkyError) => error);
    disk.crash('power');
    disk.calm();
    if (refused instanceof MurkyError && refused.code === 'MURKY_DATA_DIR_UNUSABLE') {
      uncut++;
      await rejects(start(), 'MURKY_DISK_FULL');
      disk.crash('process');
    } else assert.is((refused as MurkyError).code, 'MURKY_DISK_FULL');
    if (disk.files.bytesIn(`${folder}/journal`) < bytes) cutOff++;
    const started = await open();
    await started.facts.put('next', content(1, 1));
    const before = await bOf(started);
    disk.crash('process');
    assert.equal(await verified(disk), [], `seed ${seed}`);

    disk.loseIndex(folder);
    const again = await open();
    assert.equal(await bOf(again), before, `seed ${seed}: what was not there is not back`);
    await again.close();
  }
  assert.ok(cutOff > 0 && uncut > 0, `${cutOff} cut off, ${uncut} not at first`);
});

/** A value with the bytes of a record of the journal in it, which puts a fact. */
const forging = Buffer.concat([
  content(1000, 1),
  ...encodeJournalRecord('changes', [{ type: 'put', key: textKey('fact', 'forged'), value: content(1, 1) }]),
  content(1000, 2),
]);

test('what looks like a record within a value is none, also where the record that has the value is damaged', async () => {
  const disk = new MemoryDisk(new Seeded(1));
  const open = () => ObjectStore.open({ folder, disk: disk.boot(), maxBytes: 64 * MIB });
  const store = await open();
  await store.facts.put('before', content(1, 1));
  await store.facts.put('damaged', forging);
  await store.facts.put('behind', content(1, 2));
  disk.crash('process');
  const log = await disk.boot().files.open(`${folder}/journal/00000001.log`, 'existing');
  const at = (await log.read(0, await log.size())).indexOf(content(1000, 2));
  await log.write([content(100, 3)], at);
  disk.loseIndex(folder);

  const started = await open();
  assert.equal(await started.facts.get('before'), content(1, 1));
  assert.is(await started.facts.get('damaged'), undefined);
  assert.is(await started.facts.get('forged'), undefined);
  assert.equal(await started.facts.get('behind'), content(1, 2));
  await started.close();
});

test('nor where a power cut tears that record', async () => {
  let [stored, lost] = [0, 0];
  for (let seed = 0; seed < SEEDS; seed++) {
    const disk = new MemoryDisk(new Seeded(seed));
    const open = () => ObjectStore.open({ folder, disk: disk.boot(), maxBytes: 64 * MIB });
    const store = await open();
    disk.files.faults = { ...NO_FAULTS, slowSync: 0.5 };
    store.facts.put('torn', forging).catch(() => {});
    await turns(50);
    disk.crash('power');
    disk.calm();
    const started = await open();
    if (await started.facts.get('torn')) stored++;
    else lost++;
    assert.is(await started.facts.get('forged'), undefined, `seed ${seed}`);
    await started.close();
    assert.equal(await verified(disk), [], `seed ${seed}`);
  }
  assert.ok(stored > 0 && lost > 0, `${stored} stored, ${lost} lost`);
});

async function bOf(store: ObjectStore): Promise<'none' | 'whole'> {
  if (!(await store.current(resourceId('b')))) return 'none';
  assert.equal(await read(store, 'b'), content(40_000, 2));
  return 'whole';
}

/** A disk that is full when a snapshot of the journal is to be begun. */
function withoutSnapshots(disk: Disk): Disk {
  const open: Disk['files']['open'] = async (path, mode) => {
    if (mode === 'new' && path.endsWith('.snapshot')) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    return await disk.files.open(path, mode);
  };
  return { ...disk, files: { ...disk.files, open } };
}

test.run();
