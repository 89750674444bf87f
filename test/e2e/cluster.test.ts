import { createHash } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanUp, freePort, NodeProcess, someBytes, until } from './node-process.js';

const MIB = 2 ** 20;
const KEY = '11'.repeat(32);
const OTHER_KEY = '22'.repeat(32);

let nodes: NodeProcess[];
let first: { host: string; port: number };

test.before(async () => {
  first = { host: '127.0.0.1', port: await freePort() };
  const one = await NodeProcess.start({ key: KEY, rainPort: first.port });
  const others = await Promise.all([1, 2].map(() => NodeProcess.start({ key: KEY, peers: [first] })));
  nodes = [one, ...others];
  await Promise.all(nodes.map((node) => node.meets(2)));
});
test.after(cleanUp);

test('three nodes: put on one, get on the others', async () => {
  const bytes = someBytes(5 * MIB + 17, 3);
  const put = await nodes[0]!.put('shared/five.bin', bytes, { 'content-type': 'video/x-test' });
  assert.is(put.status, 201);
  const answer = (await put.json()) as { durable: number; owners: number; quorum: number };
  assert.is(answer.owners, 3);
  assert.is(answer.quorum, 2);
  assert.ok(answer.durable >= 2);
  for (const node of nodes.slice(1)) {
    const got = await node.get('shared/five.bin');
    assert.is(got.status, 200);
    assert.is(got.headers.get('content-type'), 'video/x-test');
    assert.is(Buffer.compare(new Uint8Array(await got.arrayBuffer()), bytes), 0);
  }
});

test('an object that was put on one node and deleted on another is gone on all', async () => {
  await nodes[1]!.put('short-lived', someBytes(1000, 4));
  assert.is((await nodes[2]!.delete('short-lived')).status, 204);
  for (const node of nodes) {
    await until('404', 5, async () => (await node.get('short-lived')).status === 404);
  }
});

test('a fourth node with another key gets nothing', async () => {
  const stranger = await NodeProcess.start({ key: OTHER_KEY, peers: [first] });
  const got = await stranger.get('shared/five.bin');
  assert.ok(got.status === 404 || got.status === 503, `it was answered ${got.status}`);
  const { cluster } = await stranger.status();
  assert.is(cluster.peers.filter((peer: { state: string }) => peer.state === 'alive').length, 0);
  await stranger.stop();
});

test('a get from two replicas, one of which is killed half-way', async () => {
  const bytes = someBytes(24 * MIB, 5);
  assert.is((await nodes[0]!.put('big', bytes)).status, 201);
  // Owns nothing itself, so that it must fetch; and every node sends slowly enough to be killed in the middle.
  const slow = { 'pouring-rain.max-rate-bits-per-second': 60_000_000, 'cluster.weight': 0 };
  const reader = await NodeProcess.start({ key: KEY, peers: [first], config: slow });
  await reader.meets(3);
  await until('three replicas', 20, async () => {
    const counts = await Promise.all(nodes.map(async (node) => (await node.status()).store.replicaBytes));
    return counts.every((count) => count >= bytes.length);
  });
  const got = await reader.get('big');
  assert.is(got.status, 200);
  const hash = createHash('sha256');
  let length = 0;
  for await (const chunk of got.body!) {
    if (length < 8 * MIB && length + chunk.length >= 8 * MIB) await nodes[2]!.kill();
    length += chunk.length;
    hash.update(chunk);
  }
  assert.is(length, bytes.length);
  assert.is(hash.digest('hex'), createHash('sha256').update(bytes).digest('hex'));
  await reader.stop();
});

test('with one of three nodes dead, writes go on, and the dead one has them after its return', async () => {
  const put = await nodes[0]!.put('while-away', someBytes(MIB, 6));
  assert.is(put.status, 201);
  assert.is(((await put.json()) as { durable: number }).durable, 2);
  assert.is((await nodes[0]!.delete('shared/five.bin')).status, 204);

  await nodes[2]!.start();
  const before = (await nodes[2]!.status()).store.objects;
  await nodes[2]!.meets(2);
  await until('the hinted writes', 20, async () => {
    const { store } = await nodes[2]!.status();
    return store.objects >= before && (await nodes[2]!.get('shared/five.bin')).status === 404;
  });
  const got = await nodes[2]!.get('while-away');
  assert.is(Buffer.compare(new Uint8Array(await got.arrayBuffer()), someBytes(MIB, 6)), 0);
});

test('with two of three nodes dead a put is refused, says so, and says how many hold it', async () => {
  await nodes[1]!.kill();
  await nodes[2]!.kill();
  const put = await nodes[0]!.put('alone', someBytes(100, 8));
  assert.is(put.status, 503);
  assert.match(put.headers.get('content-type') ?? '', /^application\/problem\+json/);
  const problem = (await put.json()) as { code: string; detail: string };
  assert.is(problem.code, 'MURKY_NO_QUORUM');
  assert.match(problem.detail, /1 of 3/);
});

test.run();
