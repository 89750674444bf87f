import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resourceId } from '../../src/object/key.js';
import { BLOCK_BYTES } from '../../src/object/manifest.js';
import type { ObjectStore } from '../../src/store/object-store.js';
import { inFolder, rawIndex, segments, withStore } from './beds.js';
import { CRASH_BED, crashValue } from './crash-bed.js';
import { eventually } from './expect.js';
import { ManualClock } from './manual-clock.js';
import { collect, read, version } from './objects.js';

const KILLS = 20;
const CHILD = fileURLToPath(new URL('crash-child.ts', import.meta.url));

/** Runs the child until it has written for `runMs`, kills it, and returns what it had acknowledged. */
async function writeAndKill(folder: string, start: number, runMs: number): Promise<{ key: string; time: number }[]> {
  const child = spawn(process.execPath, ['--import', 'tsx', CHILD, folder, String(start)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk: string) => {
    if (output === '') setTimeout(() => child.kill('SIGKILL'), runMs);
    output += chunk;
  });
  const [, signal] = await once(child, 'close');
  assert.is(signal, 'SIGKILL', output);
  // What the last line says counts only if the line is whole.
  const lines = output.slice(0, output.lastIndexOf('\n')).split('\n').slice(1);
  return lines.filter(Boolean).map((line) => {
    const [key = '', time] = line.split(' ');
    return { key, time: Number(time) };
  });
}

async function checkAcknowledged(store: ObjectStore, acknowledged: ReadonlyMap<string, number>): Promise<number> {
  let newest = 0;
  for (const [key, time] of acknowledged) {
    newest = Math.max(newest, time);
    const manifest = await store.current(resourceId(key));
    if (key.startsWith('cached') && !manifest) continue;
    assert.ok(manifest && manifest.version.time >= BigInt(time), `${key} ${time} was acknowledged and is not there`);
  }
  for (const { manifest } of await collect(store.all())) {
    const time = Number(manifest.version.time);
    newest = Math.max(newest, time);
    if (!manifest.tombstone)
      assert.equal(await read(store, manifest.key, version(time)), crashValue(time), manifest.key);
  }
  return newest;
}

/** What the budget says equals what is on the disk, and no block is there that no record names. */
async function checkRecount(folder: string): Promise<void> {
  const clock = new ManualClock();
  clock.stepWall(Date.now() - clock.now());
  const stats = await withStore({ folder, clock, ...CRASH_BED }, async (store) => store.stats());
  const onDisk = Object.values(await segments(folder)).reduce((sum, bytes) => sum + bytes.length, 0);
  assert.ok(onDisk <= CRASH_BED.maxBytes + BLOCK_BYTES, `${onDisk} bytes are over the budget`);
  await rawIndex(folder, async (db) => {
    let bytes = 0;
    for await (const [key, value] of db.iterator()) {
      if (key[0] === 'b'.charCodeAt(0)) bytes += value.readUInt32BE(8);
      if (key[0] === 'v'.charCodeAt(0)) bytes += value.length;
    }
    assert.is(
      stats.replicaBytes + stats.cachedBytes + stats.otherBytes,
      bytes,
      'a block for each byte that is counted',
    );
    const kinds = (await db.keys().all()).map((key) => String.fromCharCode(key[0]!));
    const count = (kind: string) => kinds.filter((one) => one === kind).length;
    assert.is(count('m'), count('r') + count('o'), 'a manifest for each version');
    assert.is(count('b'), count('g'), 'a block and a place for each record');
    assert.is(count('x'), count('o'), 'an expiry for each overwritten version');
  });
}

test(`${KILLS} kills during writes: what was acknowledged is intact, nothing is half there, every byte is accounted for`, () =>
  inFolder(async (folder) => {
    const acknowledged = new Map<string, number>();
    let newest = 0;
    let writes = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      for (const { key, time } of await writeAndKill(folder, newest, 20 + ((kill * 37) % 200))) {
        acknowledged.set(key, Math.max(time, acknowledged.get(key) ?? 0));
        writes++;
      }
      newest = await withStore({ folder, ...CRASH_BED }, (store) => checkAcknowledged(store, acknowledged));
      newest += 1000;
      await checkRecount(folder);
    }
    assert.ok(writes > KILLS, `the children wrote ${writes} times`);
    const clock = new ManualClock();
    clock.stepWall(Date.now() - clock.now());
    await withStore({ folder, clock, ...CRASH_BED }, async (store) => {
      clock.advance(CRASH_BED.graceMs + 1);
      await eventually(() => store.stats().otherBytes === 0);
    });
  }));

test.run();
