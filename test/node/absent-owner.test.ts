import { randomBytes } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { MurkyNode } from '../../src/node/murky-node.js';
import { codeOf } from '../failure.js';
import { eventually, LocalCluster, readAll } from './local-cluster.js';

const hints = async (node: MurkyNode) => (await node.status()).cluster.peers.reduce((sum, peer) => sum + peer.hints, 0);

/** What a node has without asking anyone. */
async function keysAt(node: MurkyNode): Promise<string[]> {
  const keys = [];
  for await (const { key } of node.list()) keys.push(key);
  return keys;
}

test('with one of three down writes go on; it gets what it missed, a deletion too, also from a restarted writer', async () => {
  const cluster = new LocalCluster();
  const [a, b, c] = await cluster.startAll(['a', 'b', 'c']);
  await a!.put('gone', Buffer.from('gone'));
  await eventually('all hold it', async () => (await keysAt(c!)).length === 1);
  const { port } = cluster.addressOf(c!);
  await cluster.stop(c!);

  const bytes = randomBytes(2 ** 20 + 1);
  const written = await a!.put('k', bytes);
  assert.equal([written.owners, written.quorum, written.durable], [3, 2, 2]);
  await a!.delete('gone');
  await eventually('two hints are kept', async () => (await hints(a!)) === 2);
  await cluster.stop(a!);
  const again = await cluster.start('a', { listed: [b!] });
  assert.is(await hints(again), 2);

  const back = await cluster.start('c', { listed: [b!], port });
  await eventually('the hints are replayed', async () => (await hints(again)) === 0);
  assert.equal(await keysAt(back), ['k']);
  await cluster.stop(again);
  await cluster.stop(b!);
  assert.ok((await readAll(back, 'k')).equals(bytes), 'from its own store');
  assert.is(await codeOf(back.get('gone')), 'MURKY_NOT_FOUND');
  await cluster.close();
});

test('with two of three down a put writes nothing and says so; when they are back it goes through', async () => {
  const cluster = new LocalCluster();
  const [a, b, c] = await cluster.startAll(['a', 'b', 'c'], { writeTimeoutMs: 1500 });
  const ports = [b!, c!].map((node) => cluster.addressOf(node).port);
  await cluster.stop(b!);
  await cluster.stop(c!);
  const error = await a!.put('k', Buffer.from('value')).catch((reason) => reason);
  assert.is(error.code, 'MURKY_NO_QUORUM');
  assert.equal([error.facts.durable, error.facts.owners, error.facts.quorum], [0, 3, 2]);
  assert.equal(await keysAt(a!), []);
  const back = [];
  for (const [i, name] of ['b', 'c'].entries()) back.push(await cluster.start(name, { listed: [a!], port: ports[i]! }));
  await cluster.knows(a!, 2);
  await a!.put('k', Buffer.from('value'));
  for (const node of back) await eventually('it is there', async () => (await keysAt(node)).length === 1);
  await cluster.close();
});

test('with propagate-on-startup a node that comes later gets what it owns', async () => {
  const cluster = new LocalCluster();
  const a = await cluster.start('a', { propagateOnStartup: true });
  for (let i = 0; i < 30; i++) await a.put(`k${i}`, Buffer.from(`value ${i}`));
  const b = await cluster.start('b', { listed: [a] });
  await eventually('all are there', async () => (await keysAt(b)).length === 30);
  await cluster.close();
});

test.run();
