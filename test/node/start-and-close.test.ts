import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MurkyNode } from '../../src/node/murky-node.js';
import { codeOf } from '../failure.js';
import { LocalCluster, readAll } from './local-cluster.js';

test('what goes wrong at the start is one clear error, and leaves nothing open', async () => {
  const cluster = new LocalCluster();
  const first = await cluster.start('a');
  const { port } = cluster.addressOf(first);
  assert.is(await codeOf(cluster.start('a')), 'MURKY_DATA_DIR_LOCKED');
  assert.is(await codeOf(cluster.start('b', { port })), 'MURKY_ADDRESS_IN_USE');
  writeFileSync(join(cluster.folder, 'bad.key'), 'not a key');
  const keyFile = join(cluster.folder, 'bad.key');
  assert.is(await codeOf(cluster.start('b', { keyFile })), 'MURKY_BAD_CLUSTER_KEY');
  const config = cluster.config('b');
  const open = { ...config, cluster: { ...config.cluster, keyFile: null } };
  const everywhere = { ...open, pouringRain: { ...open.pouringRain, host: '0.0.0.0' } };
  assert.is(await codeOf(MurkyNode.start(everywhere)), 'MURKY_INSECURE_REFUSED');
  // The folder of b was opened and closed again each time; without a key the loopback is allowed.
  const second = await MurkyNode.start(open);
  assert.not.ok((await second.status()).rain.sealed);
  await second.close();
  await cluster.close();
});

test('the id and the objects of a node outlive a restart', async () => {
  const cluster = new LocalCluster();
  const first = await cluster.start('a');
  await first.put('k', Buffer.from('kept'));
  const { id } = first;
  assert.match(id, /^[0-9a-f]{16}$/);
  await cluster.stop(first);
  const second = await cluster.start('a');
  assert.is(second.id, id);
  assert.is((await readAll(second, 'k')).toString(), 'kept');
  await cluster.close();
});

test('close lets a running put end, refuses new ones, and can be called twice', async () => {
  const cluster = new LocalCluster();
  const node = await cluster.start('a');
  let goOn = () => {};
  const waiting = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  async function* body() {
    yield Buffer.from('one ');
    await waiting;
    yield Buffer.from('two');
  }
  const put = node.put('k', body());
  await new Promise((resolve) => setTimeout(resolve, 50));
  const closing = node.close();
  assert.is(await codeOf(node.put('late', Buffer.alloc(1))), 'MURKY_CLOSED');
  goOn();
  assert.is((await put).manifest.size, 7);
  await closing;
  await node.close();
  assert.is(await codeOf(node.get('k')), 'MURKY_CLOSED');
  const again = await cluster.start('a');
  assert.is((await readAll(again, 'k')).toString(), 'one two');
  await cluster.close();
});

test('a status tells what there is to know', async () => {
  const cluster = new LocalCluster();
  const [a, b] = await cluster.startAll(['a', 'b']);
  await a!.put('k', Buffer.alloc(5));
  const status = await a!.status();
  assert.is(status.name, 'murky-waters');
  assert.match(status.version, /^\d+\.\d+\.\d+/);
  assert.is(status.id, a!.id);
  assert.is(status.store.objects, 1);
  assert.ok(status.rain.sealed);
  assert.equal(status.cluster.identityConflicts, []);
  const [peer] = status.cluster.peers;
  assert.equal([peer?.id, peer?.state, peer?.weight, peer?.hints], [b!.id, 'alive', 1, 0]);
  assert.ok(Object.values(status.transport).some((count) => count > 0));
  JSON.stringify(status);
  await cluster.close();
});

test.run();
