import { randomBytes } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../src/seam/clock.js';
import { codeOf } from '../failure.js';
import { eventually, LocalCluster, readAll } from './local-cluster.js';

const MIB = 2 ** 20;
const DAY_MS = 86_400_000;

test('put on one node, read on the others; a node with another key gets nothing', async () => {
  const cluster = new LocalCluster();
  const [a, b, c] = await cluster.startAll(['a', 'b', 'c']);
  const bytes = randomBytes(3 * MIB + 7);
  const written = await a!.put('photo', bytes, { metadata: { 'content-type': 'image/jpeg' } });
  assert.equal([written.owners, written.quorum], [3, 2]);
  assert.ok(written.durable >= 2);
  for (const node of [b!, c!]) {
    assert.ok((await readAll(node, 'photo')).equals(bytes));
    assert.is((await node.head('photo')).metadata['content-type'], 'image/jpeg');
  }
  const stranger = await cluster.start('stranger', {
    listed: [a!, b!, c!],
    keyFile: cluster.makeKey('another.key'),
  });
  assert.is(await codeOf(stranger.get('photo')), 'MURKY_NOT_FOUND');
  assert.is(await cluster.peersOf(stranger, 'unknown'), 3);
  assert.is(await cluster.peersOf(a!, 'alive'), 2);
  await cluster.close();
});

test('sizes around the block, and nothing at all, come back on every node', async () => {
  const cluster = new LocalCluster();
  const nodes = await cluster.startAll(['a', 'b']);
  for (const size of [0, 1, MIB - 1, MIB, MIB + 1]) {
    const bytes = randomBytes(size);
    async function* stream() {
      for (let at = 0; at < size; at += 77_777) yield bytes.subarray(at, at + 77_777);
    }
    await nodes[0]!.put(`size ${size}`, stream(), { length: size });
    for (const node of nodes) assert.ok((await readAll(node, `size ${size}`)).equals(bytes), `${size} bytes`);
  }
  const keys = [];
  for await (const { key } of nodes[1]!.list({ prefix: 'size 104857' })) keys.push(key);
  assert.equal(keys, ['size 1048575', 'size 1048576', 'size 1048577']);
  await cluster.close();
});

test('a cached copy on a node of weight 0 is invalidated by an overwrite and by a delete', async () => {
  const cluster = new LocalCluster();
  const [a, b] = await cluster.startAll(['a', 'b']);
  const edge = await cluster.start('edge', { listed: [a!, b!], weight: 0 });
  await cluster.knows(edge, 2);
  const written = await edge.put('k', Buffer.alloc(2 * MIB, 1));
  assert.equal([written.owners, written.durable], [2, 2]);
  await eventually('the edge keeps a cached copy', async () => (await edge.status()).store.cachedBytes === 2 * MIB);
  assert.is((await edge.get('k')).source, 'local');
  await a!.put('k', Buffer.from('second'));
  assert.is((await readAll(edge, 'k')).toString(), 'second');
  await b!.delete('k');
  assert.is(await codeOf(edge.get('k')), 'MURKY_NOT_FOUND');
  assert.is(await codeOf(edge.head('k')), 'MURKY_NOT_FOUND');
  await cluster.close();
});

test('through a tenth of datagrams lost each way a put is acknowledged and read', async () => {
  const cluster = new LocalCluster();
  const [a, b] = await cluster.startAll(['a', 'b'], { dropFraction: 0.1 });
  const edge = await cluster.start('edge', { listed: [a!, b!], weight: 0, dropFraction: 0.1 });
  await cluster.knows(edge, 2);
  const bytes = randomBytes(4 * MIB);
  assert.is((await a!.put('k', bytes)).durable, 2);
  assert.ok((await readAll(edge, 'k')).equals(bytes));
  await cluster.close();
});

test('a later put wins over one by a node whose clock is a day ahead', async () => {
  const cluster = new LocalCluster();
  const a = await cluster.start('a');
  const clock = { ...systemClock, now: () => Date.now() + DAY_MS };
  const ahead = await cluster.start('ahead', { listed: [a], seams: { clock } });
  await cluster.knows(a, 1);
  await ahead.put('k', Buffer.from('first'));
  await a.put('k', Buffer.from('second'));
  for (const node of [a, ahead]) assert.is((await readAll(node, 'k')).toString(), 'second');
  await cluster.close();
});

test('an object that is overwritten while it is fetched is never a mix', async () => {
  const cluster = new LocalCluster();
  const [a, b] = await cluster.startAll(['a', 'b']);
  const edge = await cluster.start('edge', { listed: [a!, b!], weight: 0 });
  await cluster.knows(edge, 2);
  const old = Buffer.alloc(12 * MIB, 1);
  const fresh = Buffer.alloc(12 * MIB, 2);
  await a!.put('k', old);
  const { body } = await edge.get('k');
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) {
    chunks.push(chunk);
    if (chunks.length === 2) await b!.put('k', fresh);
  }
  assert.ok(Buffer.concat(chunks).equals(old), 'the old version, to its end');
  assert.ok((await readAll(edge, 'k')).equals(fresh));
  await cluster.close();
});

test('a part of an object is read from where it is', async () => {
  const cluster = new LocalCluster();
  const [a, b] = await cluster.startAll(['a', 'b']);
  const edge = await cluster.start('edge', { listed: [a!, b!], weight: 0 });
  await cluster.knows(edge, 2);
  const bytes = randomBytes(4 * MIB);
  await a!.put('k', bytes);
  for (const node of [a!, edge]) {
    const { body, source } = await node.get('k', { start: MIB - 3, end: 2 * MIB + 3 });
    const chunks = [];
    for await (const chunk of body) chunks.push(chunk);
    assert.ok(Buffer.concat(chunks).equals(bytes.subarray(MIB - 3, 2 * MIB + 3)), source);
  }
  assert.is((await edge.status()).store.cachedBytes, 0);
  await cluster.close();
});

test('without share-content a cached copy is for this node alone', async () => {
  const cluster = new LocalCluster();
  const a = await cluster.start('a');
  const edge = await cluster.start('edge', { listed: [a], weight: 0, shareContent: false });
  const other = await cluster.start('other', { listed: [edge], weight: 0 });
  await cluster.knows(other, 2);
  await a.put('k', Buffer.alloc(1000, 1));
  await readAll(edge, 'k');
  await cluster.stop(a);
  assert.is(await codeOf(other.get('k')), 'MURKY_NO_SERVER');
  assert.is((await readAll(edge, 'k')).length, 1000);
  await cluster.close();
});

test.run();
