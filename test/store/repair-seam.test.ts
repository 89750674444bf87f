import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeManifest } from '../../src/object/manifest.js';
import { repairFolder } from '../../src/store/repair.js';
import { verifyFolder } from '../../src/store/verify.js';
import { inFolder, MIB, rawIndex, withStore } from './beds.js';
import { rejects } from './expect.js';
import { FaultyDisk } from './faulty-disk.js';
import { content, manifestOf, put, version } from './objects.js';
import { MemoryDisk } from './simulation/memory-disk.js';
import { Seeded } from './simulation/seeded.js';

const SEEDS = 60;
/** More calls than a repair makes of this folder. */
const MAX_CALLS = 300;
const progress = { finding() {}, advance() {}, step() {}, left() {} };
const small = content(100, 2);
/** A block and a manifest that no version has. */
const loose: [Buffer, Buffer][] = [
  [Buffer.from('6d000000000000004d', 'hex'), encodeManifest(manifestOf('nobody', small, version(9)))],
  [Buffer.from('76000000000000004d00000000', 'hex'), small],
];

const lineOf = ([key, value]: [Buffer, Buffer]) =>
  JSON.stringify({ key: key.toString('hex'), value: value.toString('base64') });

test('what repair takes out of the index is in lost+found for good, also when the power goes meanwhile', async () => {
  const folder = '/data';
  let [cut, ended, setAside] = [0, 0, 0];
  for (let seed = 0; seed < SEEDS; seed++) {
    const random = new Seeded(seed);
    let callsLeft = Number.POSITIVE_INFINITY;
    let onCut = () => {};
    const turn = async () => {
      if (callsLeft-- !== 0) return;
      disk.crash('power');
      onCut();
    };
    const disk: MemoryDisk = new MemoryDisk(random, turn);
    await withStore({ folder, disk: disk.boot() }, (store) => put(store, 'a', content(20_000, 1), version(1)));
    const table = await disk.boot().openTable(join(folder, 'index'), 'existing');
    await table.batch(
      loose.map(([key, value]) => ({ type: 'put', key, value })),
      true,
    );
    const powerCut = new Promise<'cut'>((resolve) => {
      onCut = () => resolve('cut');
    });
    callsLeft = random.below(MAX_CALLS);
    const repaired = repairFolder(folder, { maxBytes: 64 * MIB, disk: disk.boot() }, progress);
    if ((await Promise.race([repaired, powerCut])) === 'cut') cut++;
    else {
      ended++;
      callsLeft = Number.POSITIVE_INFINITY;
      disk.crash('power');
    }

    const after = disk.boot();
    const index = await after.openTable(join(folder, 'index'), 'existing');
    const lines = await keptLines(after.files, folder);
    for (const [key, value] of loose) {
      if ((await index.get(key)) !== undefined) continue;
      setAside++;
      assert.ok(lines.includes(lineOf([key, value])), `seed ${seed}: ${key.toString('hex')} is nowhere`);
    }
  }
  assert.ok(cut > 10 && ended > 10 && setAside > 10, `${cut} cut, ${ended} ended, ${setAside} set aside`);
});

async function keptLines(files: ReturnType<MemoryDisk['boot']>['files'], folder: string): Promise<string[]> {
  const lostAndFound = join(folder, 'lost+found');
  if (!(await files.list(lostAndFound)).includes('entries.jsonl')) return [];
  const file = await files.open(join(lostAndFound, 'entries.jsonl'), 'read');
  return (await file.read(0, await file.size())).toString('latin1').split('\n');
}

test('where lost+found takes nothing more, repair says so and leaves the index as it is', () =>
  inFolder(async (folder) => {
    await withStore({ folder }, (store) => put(store, 'a', small, version(1)));
    await rawIndex(folder, async (db) => {
      for (const [key, value] of loose) await db.put(key, value);
    });
    const disk = new FaultyDisk();
    disk.full.add('lost+found');
    await rejects(repairFolder(folder, { maxBytes: 64 * MIB, disk }, progress), 'MURKY_DISK_FULL');
    assert.is((await verifyFolder(folder, progress)).findings, loose.length);
    disk.full.clear();
    assert.is((await repairFolder(folder, { maxBytes: 64 * MIB, disk }, progress)).droppedEntries, loose.length);
    const lines = (await readFile(join(folder, 'lost+found', 'entries.jsonl'), 'latin1')).split('\n');
    for (const line of loose.map(lineOf)) assert.ok(lines.includes(line), 'behind half a line');
  }));

test.run();
