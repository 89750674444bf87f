import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { StoppedNode } from '../../src/node/stopped-node.js';
import { resourceId } from '../../src/object/key.js';
import { compareVersions } from '../../src/object/version.js';
import { type Clock, systemClock } from '../../src/seam/clock.js';
import { codeOf } from '../failure.js';
import { eventually, LocalCluster, readAll } from './local-cluster.js';

const MIB = 2 ** 20;

async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
}

/** A body that breaks off behind its first `bytes`. */
async function* torn(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield* inChunks(bytes);
  throw new Error('torn');
}

test('what is put into the folder of a stopped node is newer than what was there, and the others get it from the node', async () => {
  const cluster = new LocalCluster();
  // What they write is newer than the clock of this machine.
  const ahead: Clock = { ...systemClock, now: () => systemClock.now() + 3_600_000 };
  const [a, b] = await cluster.startAll(['a', 'b'], { seams: { clock: ahead } });
  const before = (await a!.put('k', Buffer.from('old'))).manifest;
  await a!.put('gone', Buffer.from('gone'));
  await a!.delete('gone');
  const config = cluster.config('a');
  assert.is(await codeOf(StoppedNode.open(config)), 'MURKY_DATA_DIR_LOCKED');
  const port = cluster.addressOf(a!).port;
  const aId = a!.id;
  await cluster.stop(a!);

  const bytes = randomBytes(3 * MIB + 7);
  const stopped = await StoppedNode.open(config);
  const put = await stopped.put('k', inChunks(bytes), { length: bytes.length, metadata: { 'content-type': 'a/b' } });
  assert.ok(compareVersions(put.version, before.version) > 0);
  await stopped.put('gone', inChunks(Buffer.from('back')), {});
  await stopped.close();

  const again = await cluster.start('a', { listed: [b!], port, propagateOnStartup: true });
  assert.is(again.id, aId);
  const keysAtB = async () => {
    const keys = [];
    for await (const { key, size } of b!.list()) keys.push(`${key} ${size}`);
    return keys.join();
  };
  await eventually('the other one has both', async () => (await keysAtB()) === `gone 4,k ${bytes.length}`, 60_000);
  await cluster.stop(again);
  assert.ok((await readAll(b!, 'k')).equals(bytes));
  assert.is((await b!.head('k')).metadata['content-type'], 'a/b');
  await cluster.close();
});

test('what fails leaves nothing, and what was there as it was', async () => {
  const cluster = new LocalCluster();
  const config = cluster.config('a', { maxBytes: 4 * MIB });
  const first = randomBytes(MIB);
  const stopped = await StoppedNode.open(config);
  await stopped.put('k', inChunks(first), {});
  const large = randomBytes(5 * MIB);
  assert.is(await codeOf(stopped.put('large', inChunks(large), {})), 'MURKY_STORE_FULL');
  const failed = await stopped.put('k', torn(large.subarray(0, 2 * MIB)), {}).catch((error: unknown) => error);
  assert.is((failed as Error).message, 'torn');
  assert.is(await codeOf(stopped.put('short', inChunks(first), { length: MIB + 1 })), 'MURKY_BAD_REQUEST');
  assert.is(await codeOf(stopped.put(String(resourceId('k')), inChunks(first), {})), 'MURKY_ID_TAKEN');
  // Room for it is there once more.
  await stopped.put('second', inChunks(large.subarray(0, 2 * MIB)), {});
  await stopped.close();

  const node = await cluster.start('a', { maxBytes: 4 * MIB });
  const sizes = [];
  for await (const { key, size } of node.list()) sizes.push(`${key} ${size}`);
  assert.equal(sizes, [`k ${MIB}`, `second ${2 * MIB}`]);
  assert.ok((await readAll(node, 'k')).equals(first));
  await cluster.close();
});

test('a folder with something else in it is refused and stays as it is', async () => {
  const cluster = new LocalCluster();
  const config = cluster.config('a');
  mkdirSync(config.dataDir, { recursive: true });
  writeFileSync(join(config.dataDir, 'letter'), 'dear');
  assert.is(await codeOf(StoppedNode.open(config)), 'MURKY_DATA_DIR_UNUSABLE');
  assert.equal(readdirSync(config.dataDir), ['letter']);
  await cluster.close();
});

test.run();
