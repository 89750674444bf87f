import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resourceId } from '../../src/object/key.js';
import { inFolder, MIB, withStore } from './beds.js';
import { eventually, rejects } from './expect.js';
import { FaultyDisk } from './faulty-disk.js';
import { ManualClock } from './manual-clock.js';
import { content, manifestOf, put, read, version } from './objects.js';

const value = content(MIB + 20_000, 1);

for (const part of ['journal', 'segments'] as const) {
  test(`a write that finds the disk full (${part}) leaves nothing behind; reads go on; writes come back`, () =>
    inFolder(async (folder) => {
      const disk = new FaultyDisk();
      const clock = new ManualClock();
      await withStore({ folder, clock, disk }, async (store) => {
        await put(store, 'a', value, version(1));
        disk.full.add(part);
        await rejects(put(store, 'b', value, version(1)), 'MURKY_DISK_FULL');
        await rejects(put(store, 'a', value, version(2)), 'MURKY_DISK_FULL');
        await rejects(store.facts.put('fact', Buffer.from('x')), 'MURKY_DISK_FULL');
        assert.equal(await read(store, 'a'), value);
        disk.full.clear();
        clock.advance(1001);
        assert.is(await put(store, 'c', value, version(1)), 'committed');
        assert.is(await store.current(resourceId('b')), undefined);
        assert.equal(await read(store, 'a'), value);
        assert.equal((await store.current(resourceId('a')))?.version, version(1));
        assert.is(store.stats().otherBytes, 0);
        assert.is(store.stats().replicaBytes, 2 * value.length);
      });
      await withStore({ folder }, async (store) => {
        assert.is(store.stats().replicaBytes, 2 * value.length);
        assert.is(store.stats().otherBytes, 0);
      });
    }));
}

test('a commit that only LevelDB has not taken is there, whole, when that is opened anew', () =>
  inFolder(async (folder) => {
    const disk = new FaultyDisk();
    const clock = new ManualClock();
    await withStore({ folder, clock, disk }, async (store) => {
      const writer = store.begin();
      await writer.write(0, value.subarray(0, MIB));
      await writer.write(1, value.subarray(MIB));
      disk.full.add('index');
      await rejects(writer.commit(manifestOf('a', value, version(1)), 'replica'), 'MURKY_DISK_FULL');
      await writer.abort();
      disk.full.clear();
      clock.advance(1001);
      await put(store, 'b', value, version(1));
      assert.equal(await read(store, 'a'), value);
      assert.is(store.stats().replicaBytes, 2 * value.length);
      assert.is(store.stats().otherBytes, 0);
      assert.is(store.stats().objects, 2);
    });
  }));

test('a writer outlives a full disk and can go on', () =>
  inFolder(async (folder) => {
    const disk = new FaultyDisk();
    const clock = new ManualClock();
    await withStore({ folder, clock, disk }, async (store) => {
      const writer = store.begin();
      await writer.write(0, value.subarray(0, MIB));
      disk.full.add('segments');
      await rejects(writer.write(1, value.subarray(MIB)), 'MURKY_DISK_FULL');
      await rejects(writer.commit(manifestOf('a', value, version(1)), 'replica'), 'MURKY_BAD_ARGUMENT');
      disk.full.clear();
      clock.advance(1001);
      await writer.write(1, value.subarray(MIB));
      assert.is(store.stats().otherBytes, value.length);
      assert.is(await writer.commit(manifestOf('a', value, version(1)), 'replica'), 'committed');
      assert.equal(await read(store, 'a'), value);
      assert.is(store.stats().otherBytes, 0);
    });
  }));

test('a full disk is not asked again and again, and writes come back without anybody writing', () =>
  inFolder(async (folder) => {
    const disk = new FaultyDisk();
    const clock = new ManualClock();
    await withStore({ folder, clock, disk }, async (store) => {
      disk.full.add('index');
      for (let i = 0; i < 5; i++) await rejects(put(store, 'a', value, version(1)), 'MURKY_DISK_FULL');
      assert.is(disk.probes, 1, 'once a second is enough');
      disk.full.clear();
      await rejects(put(store, 'a', value, version(1)), 'MURKY_DISK_FULL');
      clock.advance(5001);
      await eventually(() => disk.probes === 2);
      await put(store, 'a', value, version(1));
      assert.is(disk.probes, 2);
    });
  }));

test('while the index cannot be opened anew, reads say so and then come back', () =>
  inFolder(async (folder) => {
    const disk = new FaultyDisk();
    const clock = new ManualClock();
    await withStore({ folder, clock, disk }, async (store) => {
      await put(store, 'a', value, version(1));
      disk.full.add('index');
      disk.seemsToHaveRoom = true;
      await rejects(put(store, 'b', value, version(1)), 'MURKY_DISK_FULL');
      clock.advance(1001);
      await rejects(put(store, 'b', value, version(1)), 'MURKY_DISK_FULL');
      await rejects(read(store, 'a'), 'MURKY_DISK_FULL');
      disk.full.clear();
      clock.advance(1001);
      await put(store, 'b', value, version(1));
      assert.equal(await read(store, 'a'), value);
    });
  }));

// A real file system of 100 MiB that fills up, where this user may mount one in a namespace of its own.
const real = (...command: string[]) =>
  spawnSync(
    'unshare',
    ['-m', 'sh', '-c', 'mount -t tmpfs -o size=104857600 tmpfs /mnt && exec "$@"', 'sh', ...command],
    {
      encoding: 'utf8',
      timeout: 60_000,
    },
  );
const mountable = process.platform === 'linux' && real('true').status === 0;

(mountable ? test : test.skip)('a file system that is really full: refused in words, readable, usable again', () => {
  const child = fileURLToPath(new URL('disk-full-child.ts', import.meta.url));
  const run = real(process.execPath, '--import', 'tsx', child, '/mnt/store');
  assert.is(run.status, 0, run.stdout + run.stderr);
  assert.match(run.stdout, /^ok \d+ objects/m);
});

test.run();
