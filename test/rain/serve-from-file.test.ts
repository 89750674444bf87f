import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SharedSource } from '../../src/cluster/share.js';
import { resourceId } from '../../src/object/key.js';
import type { Manifest } from '../../src/object/manifest.js';
import { HEADER_BYTES } from '../../src/store/block-record.js';
import { levelDisk } from '../../src/store/disk.js';
import type { StoreFile } from '../../src/store/files.js';
import type { ObjectStore } from '../../src/store/object-store.js';
import { changeSegment, inFolder, MIB, withStore } from '../store/beds.js';
import { content, manifestOf, put, version } from '../store/objects.js';
import { closeAll, endpoint } from './open.js';
import { failure } from './rejects.js';

/** All in one. */
const segmentBytes = 64 * MIB;
const KEY = Buffer.alloc(32, 7);
const at = version(1);
const value = content(5 * MIB + 70_000, 1);
const manifest: Manifest = manifestOf('mud', value, at);

/** A real disk that counts what JavaScript reads of the segments. */
function countingDisk() {
  const counted = { reads: 0 };
  const counting = (file: StoreFile): StoreFile => ({
    descriptor: file.descriptor,
    size: () => file.size(),
    read: (offset, length) => {
      counted.reads++;
      return file.read(offset, length);
    },
    write: (parts, offset) => file.write(parts, offset),
    sync: () => file.sync(),
    truncate: (size) => file.truncate(size),
    close: () => file.close(),
  });
  const openFile: typeof levelDisk.files.open = async (path, mode) => {
    const file = await levelDisk.files.open(path, mode);
    return path.includes('segments') ? counting(file) : file;
  };
  return { counted, disk: { ...levelDisk, files: { ...levelDisk.files, open: openFile } } };
}

async function serving(store: ObjectStore, threads = 1) {
  const server = await endpoint({ key: KEY, threads });
  server.serve(new SharedSource(store, true));
  return server.address;
}

/** The object as `servers` give it to a client of its own. */
async function fetchFrom(...servers: { host: string; port: number }[]): Promise<Buffer> {
  const client = await endpoint({ key: KEY });
  const blocks: Uint8Array[] = [];
  for await (const { bytes } of client.fetch(manifest, servers, { stallTimeoutMs: 5000 })) blocks.push(bytes);
  return Buffer.concat(blocks);
}

test.after.each(closeAll);

for (const threads of [1, 2]) {
  test(`blocks pass from the segments to the wire without JavaScript reading them: ${threads} packet loops`, () =>
    inFolder((folder) => {
      const { counted, disk } = countingDisk();
      return withStore({ folder, segmentBytes, disk }, async (store) => {
        await put(store, 'mud', value, at);
        const server = await serving(store, threads);
        assert.ok((await fetchFrom(server)).equals(value));
        assert.is(counted.reads, 0);
        assert.ok(await store.block(resourceId('mud'), at, 0));
        assert.is(counted.reads, 1, 'such a read is counted');
      });
    }));
}

test('a damaged block is never served, and is served again when it is mended', () =>
  inFolder(async (folder) => {
    await withStore({ folder, segmentBytes }, (store) => put(store, 'mud', value, at));
    await changeSegment(folder, '00000001.log', (bytes) => {
      bytes[2 * (HEADER_BYTES + MIB) + HEADER_BYTES + 12_345]! ^= 1;
      return bytes;
    });
    const { counted, disk } = countingDisk();
    await withStore({ folder, segmentBytes, disk }, async (store) => {
      const server = await serving(store);
      const error = await failure('MURKY_NO_SERVER', () => fetchFrom(server));
      assert.match(error.message, /cannot read it/);
      assert.ok(counted.reads >= 1, 'the store has looked at it');
      assert.is(await store.check(resourceId('mud'), at, 2), 'damaged');
      assert.is(await store.mend(resourceId('mud'), at, 2, value.subarray(2 * MIB, 3 * MIB)), true);
      counted.reads = 0;
      assert.ok((await fetchFrom(server)).equals(value));
      assert.is(counted.reads, 0);
    });
  }));

test('a segment that is cut short is no harm to what is before, and the store knows of it', () =>
  inFolder(async (folder) => {
    const { disk } = countingDisk();
    await withStore({ folder, segmentBytes, disk }, async (store) => {
      await put(store, 'mud', value, at);
      await changeSegment(folder, '00000001.log', (bytes) => bytes.subarray(0, 4 * (HEADER_BYTES + MIB) + 1000));
      const server = await serving(store);
      await failure('MURKY_NO_SERVER', () => fetchFrom(server));
      assert.is(await store.check(resourceId('mud'), at, 4), 'damaged');
      assert.is(await store.check(resourceId('mud'), at, 0), 'sound');
    });
  }));

test.run();
