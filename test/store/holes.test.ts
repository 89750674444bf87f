import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { punchHoles } from '../../src/native/punch-holes.js';
import { resourceId } from '../../src/object/key.js';
import type { PunchHoles } from '../../src/seam/punch-holes.js';
import { recordBytes } from '../../src/store/block-record.js';
import { levelDiskWith } from '../../src/store/disk.js';
import type { Files } from '../../src/store/files.js';
import { nodeFilesWith } from '../../src/store/node-files.js';
import { ObjectStore } from '../../src/store/object-store.js';
import { SegmentFiles } from '../../src/store/segment-files.js';
import { isIntact, recordsOfSegment } from '../../src/store/segment-scan.js';
import { type Finding, verifyFolder } from '../../src/store/verify.js';
import { inFolder, MIB, withStore } from './beds.js';
import { eventually, settle } from './expect.js';
import { content, put, read, version } from './objects.js';
import { MemoryDisk } from './simulation/memory-disk.js';
import { Seeded } from './simulation/seeded.js';

const BYTES = 64 * 1024;
const OF_SEGMENT = 16;
const SEGMENTS = 8;
const COPIES = OF_SEGMENT * SEGMENTS;
const segmentBytes = OF_SEGMENT * recordBytes(BYTES);
/** Of each segment some stay, at its end and elsewhere. */
const stays = (i: number) => i % OF_SEGMENT === OF_SEGMENT - 1 || i % 5 === 0;

/** Real files; counts what is written to segments. */
class CountedFiles {
  writtenBytes = 0;
  readonly disk;

  constructor(punch: PunchHoles) {
    const real = nodeFilesWith(punch);
    const open: Files['open'] = async (path, mode) => {
      const file = await real.open(path, mode);
      const write: typeof file.write = async (parts, offset) => {
        if (path.includes('/segments/')) for (const part of parts) this.writtenBytes += part.length;
        await file.write(parts, offset);
      };
      return path.includes('/segments/') ? Object.assign(Object.create(file), { write, holes: file.holes }) : file;
    };
    this.disk = levelDiskWith({ ...real, open });
  }
}

async function bytesOnDisk(folder: string): Promise<number> {
  const names = await readdir(join(folder, 'segments'));
  const sizes = names.map(async (name) => (await stat(join(folder, 'segments', name))).blocks * 512);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** What the headers in the segments tell of. */
async function recordsIn(files: Files, folder: string): Promise<{ records: number; intact: number }> {
  const segments = new SegmentFiles(files, join(folder, 'segments'));
  const found = { records: 0, intact: 0 };
  for (const segment of await segments.list()) {
    for await (const record of recordsOfSegment(segments, segment)) {
      found.records++;
      if (await isIntact(segments, record)) found.intact++;
    }
  }
  await segments.closeAll();
  return found;
}

async function fill(store: ObjectStore): Promise<void> {
  for (let from = 0; from < COPIES; from += OF_SEGMENT) {
    const numbers = Array.from({ length: OF_SEGMENT }, (_, i) => from + i);
    await Promise.all(numbers.map((i) => put(store, `${i}`, content(BYTES, i), version(1), 'cached')));
  }
}

async function dropMost(store: ObjectStore): Promise<void> {
  await Promise.all(
    Array.from({ length: COPIES }, (_, i) => (stays(i) ? undefined : store.dropCached(resourceId(`${i}`)))),
  );
}

async function checkAll(store: ObjectStore): Promise<void> {
  for (let i = 0; i < COPIES; i++) {
    assert.equal(await read(store, `${i}`), stays(i) ? content(BYTES, i) : undefined, `object ${i}`);
  }
}

const staying = Array.from({ length: COPIES }, (_, i) => i).filter(stays).length;
/** Of each dead record two blocks of the file system may stay; a segment's worth waits, and the one that is written. */
const mostOnDisk = staying * recordBytes(BYTES) + (COPIES - staying) * 2 * 4096 + 2 * segmentBytes;

test('dead blocks go back to the disk where they are: nothing is copied, and what stays is untouched', () =>
  inFolder(async (folder) => {
    const files = new CountedFiles(punchHoles);
    const options = { folder, disk: files.disk, maxBytes: 64 * MIB, segmentBytes, graceMs: 10 };
    await withStore(options, async (store) => {
      await fill(store);
      files.writtenBytes = 0;
      await dropMost(store);
      for (let i = 0; i < 100 && (await bytesOnDisk(folder)) > mostOnDisk; i++) await settle();
      assert.ok((await bytesOnDisk(folder)) <= mostOnDisk, `${await bytesOnDisk(folder)} bytes, of ${mostOnDisk}`);
      assert.is(files.writtenBytes, 0);
      await checkAll(store);
    });
    const findings: Finding[] = [];
    await verifyFolder(folder, { finding: (one) => findings.push(one), advance() {} });
    assert.equal(findings, []);
    // What is on the disk is found out anew.
    await withStore(options, async (store) => {
      const { bytes, deadBytes } = store.logUse();
      assert.is(bytes - deadBytes, staying * recordBytes(BYTES));
      assert.ok(bytes <= (await bytesOnDisk(folder)), `${bytes} bytes count, ${await bytesOnDisk(folder)} are there`);
      await checkAll(store);
    });
  }));

test('the index is made anew of segments with holes, by headers that stay; of a moved block the sound one counts', () =>
  inFolder(async (folder) => {
    const files = nodeFilesWith(punchHoles);
    const disk = levelDiskWith(files);
    const options = { folder, disk, maxBytes: 64 * MIB, segmentBytes, graceMs: 10 };
    const moved = Array.from({ length: COPIES }, (_, i) => i).filter((i) => i % 10 === 0);
    await withStore(options, async (store) => {
      await fill(store);
      for (const i of moved) assert.ok(await store.mend(resourceId(`${i}`), version(1), 0, content(BYTES, i)));
      await dropMost(store);
      for (let i = 0; i < 100 && (await bytesOnDisk(folder)) > mostOnDisk; i++) await settle();
      const { records, intact } = await recordsIn(files, folder);
      assert.is(records, COPIES + moved.length);
      assert.ok(intact < staying + 2 * OF_SEGMENT, `${intact} records are still intact`);
    });
    await disk.removeTable(join(folder, 'index'));
    await withStore(options, checkAll);
    const findings: Finding[] = [];
    await verifyFolder(folder, { finding: (one) => findings.push(one), advance() {} });
    assert.equal(findings, []);
  }));

test('where the file system has no holes, what is live is copied, as ever', () =>
  inFolder(async (folder) => {
    let asked = 0;
    const files = new CountedFiles(async () => {
      asked++;
      return false;
    });
    const options = { folder, disk: files.disk, maxBytes: 64 * MIB, segmentBytes, graceMs: 10, reclaimTimeFraction: 1 };
    await withStore(options, async (store) => {
      await fill(store);
      files.writtenBytes = 0;
      await dropMost(store);
      for (let i = 0; i < 300 && store.logUse().deadBytes > segmentBytes; i++) await settle();
      assert.ok(store.logUse().deadBytes <= segmentBytes, `${store.logUse().deadBytes} bytes are dead`);
      assert.ok(files.writtenBytes > 0);
      assert.ok(asked > 0 && asked <= 2, `asked ${asked} times`);
      await checkAll(store);
    });
  }));

test('no block goes back while somebody reads it in place', () =>
  inFolder(async (folder) => {
    let punched = 0;
    const disk = levelDiskWith(
      nodeFilesWith((descriptor, holes) => {
        punched += holes.length;
        return punchHoles(descriptor, holes);
      }),
    );
    await withStore({ folder, disk, maxBytes: 64 * MIB, segmentBytes, graceMs: 10 }, async (store) => {
      await fill(store);
      let release: (() => void) | undefined;
      const reading = store.readInPlace(resourceId('1'), version(1), 0, async () => {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return true;
      });
      await eventually(() => release !== undefined);
      await dropMost(store);
      for (let i = 0; i < 20; i++) await settle();
      const meanwhile = punched;
      release!();
      assert.ok(await reading);
      assert.is(meanwhile, 0);
      await eventually(() => punched > 0);
    });
  }));

test('a power cut that brings back what was given back leaves the budget as it was once a start has ended', async () => {
  const random = new Seeded(1);
  const disk = new MemoryDisk(random);
  disk.files.holes = true;
  const folder = '/store';
  const record = recordBytes(BYTES);
  const maxBytes = COPIES * record;
  const options = () => ({ folder, disk: disk.boot(), maxBytes, segmentBytes, graceMs: 10 });
  const store = await ObjectStore.open(options());
  await fill(store);
  disk.files.keepHoles = false;
  await dropMost(store);
  const before = disk.files.punched;
  for (let i = 0; i < COPIES; i++) {
    if (!stays(i)) await put(store, `new ${i}`, content(BYTES, COPIES + i), version(1), 'replica');
  }
  assert.ok(disk.files.punched > before);
  disk.crash('power');
  assert.ok(disk.files.bytesIn(`${folder}/segments`) > maxBytes + record, 'the holes are gone');
  const after = await ObjectStore.open(options());
  const bytes = disk.files.bytesIn(`${folder}/segments`);
  assert.ok(bytes <= maxBytes + record, `${bytes} bytes, of ${maxBytes}`);
  for (let i = 0; i < COPIES; i++) {
    if (!stays(i)) assert.equal(await read(after, `new ${i}`), content(BYTES, COPIES + i));
  }
  await after.close();
});

test.run();
