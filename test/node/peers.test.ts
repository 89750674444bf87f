import { randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MurkyNode } from '../../src/node/murky-node.js';
import { eventually, LocalCluster, readAll } from './local-cluster.js';

const MIB = 2 ** 20;
const test = suite('peers and their paths');
let cluster: LocalCluster;
let holder: MurkyNode;
let reader: MurkyNode;

test.before(async () => {
  cluster = new LocalCluster();
  holder = await cluster.start('holder', { weight: 1, dropFraction: 0.1 });
  reader = await cluster.start('reader', { weight: 0, listed: [holder] });
  await cluster.knows(reader, 1);
});
test.after(() => cluster.close());

test('a path is unknown, then as the fetch found it, then as foretold, and outlives a restart', async () => {
  const [unknown] = (await reader.peers()).peers;
  assert.is(unknown!.path, null);
  for (const key of ['first', 'second']) {
    await holder.put(key, randomBytes(4 * MIB));
    assert.is((await readAll(reader, key)).length, 4 * MIB);
  }
  const { peers, otherPaths } = await reader.peers();
  assert.equal(otherPaths, []);
  const { address, path, state } = peers[0]!;
  const at = cluster.addressOf(holder);
  assert.is(state, 'alive');
  assert.is(address, `${at.host}:${at.port}`);
  assert.ok(path!.loss > 0.03 && path!.loss < 0.2, `loss ${path!.loss}`);
  assert.ok(path!.roundTripMs > 0);
  assert.is(path!.fetches.length, 2);
  assert.is(path!.fetches[0]!.predictedBitsPerSecond, null);
  assert.is(path!.fetches[1]!.predictedBitsPerSecond, path!.fetches[0]!.measuredBitsPerSecond);

  await cluster.stop(reader);
  reader = await cluster.start('reader', { weight: 0, listed: [holder] });
  await cluster.knows(reader, 1);
  const [again] = (await reader.peers()).peers;
  assert.equal(again!.path!.fetches, path!.fetches);
  assert.ok(Math.abs(again!.path!.predictedBitsPerSecond! / path!.predictedBitsPerSecond! - 1) < 0.01);
});

test('a fetch that runs is listed, and gone when its reader leaves', async () => {
  await holder.put('third', randomBytes(96 * MIB));
  const { body } = await reader.get('third');
  const pieces = body[Symbol.asyncIterator]();
  await pieces.next();
  const [fetch, ...others] = await reader.fetches();
  assert.equal(others, []);
  assert.is(fetch!.key, 'third');
  assert.is(fetch!.wantedBytes, 96 * MIB);
  assert.ok(fetch!.bytes >= MIB && fetch!.bytes < 96 * MIB, `${fetch!.bytes}`);
  assert.is(fetch!.servers.length, 1);
  assert.ok(fetch!.servers[0]!.useful * fetch!.symbolBytes >= MIB);
  await pieces.return!();
  await eventually('no fetch runs', async () => (await reader.fetches()).length === 0);
});

test.run();
