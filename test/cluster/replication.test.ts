import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeHeld } from '../../src/cluster/poll.js';
import { decodeAnswer, encodePropagate } from '../../src/cluster/propagate-message.js';
import { MAX_ENTRIES, RepairQueue } from '../../src/cluster/repair/queue.js';
import { resourceId } from '../../src/object/key.js';
import { encodeManifest } from '../../src/object/manifest.js';
import { RequestKind } from '../../src/rain/contract.js';
import { failure } from '../failure.js';
import { type SimulatedNode, World } from '../simulation/world.js';

const value = (byte: number, length = 3000) => Buffer.alloc(length, byte);

const hintsFor = (node: SimulatedNode, other: SimulatedNode) =>
  node.cluster.peers().find(({ id }) => id === other.id.toString(16).padStart(16, '0'))?.hints;

test('a single node is its own quorum', async () => {
  const world = new World();
  const node = await world.start(1, []);
  const { durable, owners, quorum } = await node.put('a', value(1));
  assert.equal({ durable, owners, quorum }, { durable: 1, owners: 1, quorum: 1 });
  await world.closeAll();
});

test('what was meant for a node that was here before is not answered: one disk would count as two owners', async () => {
  const world = new World();
  const [a, b] = await world.startAll(3);
  const { manifest } = await a!.put('a', value(1));
  const ask = (kind: RequestKind, payload: Uint8Array) =>
    world.time.until(a!.rain.request(b!.rain.address, kind, payload, { timeoutMs: 1000 }));
  assert.is(decodeAnswer(await ask(RequestKind.Propagate, encodePropagate(b!.id, manifest, []))).kind, 'durable');
  assert.ok((await ask(RequestKind.Held, encodeHeld(b!.id, manifest.id))).length > 0);
  const gone = b!.id ^ 1n;
  for (const [kind, payload] of [
    [RequestKind.Propagate, encodePropagate(gone, manifest, [])],
    [RequestKind.Held, encodeHeld(gone, manifest.id)],
  ] as const) {
    assert.is((await failure(ask(kind, payload))).code, 'MURKY_BAD_REQUEST');
  }
  await world.closeAll();
});

test('a put is acknowledged by a majority while one owner is cut off, which gets it when it is back', async () => {
  const world = new World();
  const [a, b, c] = await world.startAll(3);
  world.isolate(3);
  const { durable, owners, quorum, manifest } = await a!.put('a', value(1));
  assert.equal({ durable, owners, quorum }, { durable: 2, owners: 3, quorum: 2 });
  assert.ok(b!.holds(manifest.id));
  await world.time.run(15_000);
  assert.is(hintsFor(a!, c!), 1);
  assert.is(c!.holds(manifest.id), undefined);
  world.heal();
  await world.time.run(10_000);
  assert.equal(c!.holds(manifest.id), { role: 'replica', tombstone: false });
  assert.is(hintsFor(a!, c!), 0);
  await world.closeAll();
});

test('a hint outlives a restart of the writer', async () => {
  const world = new World();
  const [a, , c] = await world.startAll(3);
  await world.kill(3);
  await world.time.run(10_000);
  const { manifest } = await a!.put('a', value(1));
  await world.kill(1);
  const again = await world.start(1, [1, 2, 3]);
  assert.is(hintsFor(again, c!), 1);
  await world.time.run(3000);
  const back = await world.start(3, [1, 2, 3]);
  await world.time.run(8000);
  assert.ok(back.holds(manifest.id));
  assert.is(hintsFor(again, c!), 0);
  await world.closeAll();
});

test('a hint is kept for an owner that falls silent during the write, before it counts as away', async () => {
  const world = new World();
  const [a, , c] = await world.startAll(3);
  world.isolate(3);
  await a!.put('a', value(1));
  await world.time.run(1500);
  assert.is(hintsFor(a!, c!), 1);
  await world.closeAll();
});

test('a node that stops in good order keeps a hint for an owner that was still being brought the write', async () => {
  const world = new World();
  const [a, , c] = await world.startAll(3);
  world.isolate(3);
  await a!.put('a', value(1));
  await world.stop(1);
  const again = await world.start(1, [1, 2, 3]);
  assert.is(hintsFor(again, c!), 1);
  await world.closeAll();
});

test('after a crash right behind the acknowledgement propagate-on-startup brings it to the last owner', async () => {
  const world = new World();
  const [a, , c] = await world.startAll(3);
  world.isolate(3);
  const { manifest } = await a!.put('a', value(1));
  await world.kill(1);
  world.heal();
  const again = await world.start(1, [1, 2, 3], { propagateOnStartup: true });
  assert.is(hintsFor(again, c!), 0);
  await world.time.run(5000);
  assert.ok(c!.holds(manifest.id));
  await world.closeAll();
});

test('a damaged record is made good from another owner, and one that no one else has does not keep back the others', async () => {
  const world = new World();
  const [a, b, c] = await world.startAll(3);
  world.isolate(3);
  const keys = Array.from({ length: 12 }, (_, i) => `k${i}`);
  for (const key of keys) await a!.put(key, value(1));
  await world.time.run(15_000);
  assert.is(hintsFor(a!, c!), keys.length);
  const [first, second] = keys.map(resourceId).sort((x, y) => (x < y ? -1 : 1));
  a!.store.damagedRecords.add(first!).add(second!);
  b!.store.damagedRecords.add(second!);
  world.heal();
  await world.time.run(30_000);
  assert.equal([...a!.store.damagedRecords], [second]);
  assert.is(keys.filter((key) => c!.holds(resourceId(key))).length, keys.length - 1);
  assert.is(hintsFor(a!, c!), 1);
  a!.store.damagedRecords.clear();
  await world.time.run(20_000);
  assert.ok(c!.holds(second!));
  await world.closeAll();
});

test('a manifest that does not fit a datagram is fetched from the holder', async () => {
  const world = new World();
  const [a, b] = await world.startAll(2);
  const { manifest } = await a!.put('a', value(1), { metadata: { note: 'n'.repeat(4000) } });
  assert.ok(encodeManifest(manifest).length > 1331);
  assert.is(b!.store.disk.current.get(manifest.id)?.manifest.metadata.note?.length, 4000);
  await world.closeAll();
});

test('a writer that is no owner sees later versions while it keeps its copy for an absent owner', async () => {
  const world = new World();
  for (const n of [1, 2, 3]) await world.start(n, [1, 2, 3, 4]);
  const edge = await world.start(4, [1, 2, 3], { weight: 0 });
  await world.time.run(3000);
  await world.kill(3);
  await world.time.run(8000);
  const { manifest } = await edge.put('a', value(1));
  assert.is(edge.holds(manifest.id)?.role, 'replica');
  await world.nodes.get(1)!.put('a', value(2));
  assert.ok((await edge.get('a')).equals(value(2)));
  await world.nodes.get(2)!.delete('a');
  assert.is((await failure(edge.get('a'))).code, 'MURKY_NOT_FOUND');
  const back = await world.start(3, [1, 2, 4]);
  await world.time.run(20_000);
  assert.is(back.holds(manifest.id)?.tombstone, true);
  await world.closeAll();
});

test('a put that a majority cannot be asked for fails, and has written nothing', async () => {
  const world = new World();
  const [a, b, c] = await world.startAll(3);
  world.isolate(1);
  const error = await failure(a!.put('a', value(1)));
  assert.is(error.code, 'MURKY_NO_QUORUM');
  assert.match(error.message, /Only 1 of 3 owners could be asked/);
  assert.equal([error.facts.durable, error.facts.answered, error.facts.needed], [0, 1, 2]);
  world.heal();
  await world.time.run(30_000);
  for (const node of [a!, b!, c!]) assert.is(node.holds(resourceId('a')), undefined);
  await world.closeAll();
});

test('a put that loses its majority half-way fails, says how many hold it, and still gets there', async () => {
  const world = new World();
  const [a, b] = await world.startAll(3);
  async function* body() {
    await new Promise<void>((resolve) => world.time.after(500, resolve)); // the owners have been asked by now
    world.isolate(1);
    yield value(1);
  }
  const error = await failure(a!.put('a', body()));
  assert.is(error.code, 'MURKY_NO_QUORUM');
  assert.match(error.message, /1 of 3 owners? holds? "a" durably/);
  assert.is(error.facts.durable, 1);
  world.heal();
  await world.time.run(30_000);
  assert.ok(b!.holds(resourceId('a')));
  assert.ok((await b!.get('a')).equals(value(1)));
  await world.closeAll();
});

test('a put of many blocks is refused before they have come when a majority is known to be away', async () => {
  const world = new World();
  const [a] = await world.startAll(3);
  world.isolate(1);
  await world.time.run(30_000);
  let blocks = 0;
  async function* body() {
    for (; blocks < 100; blocks++) {
      await new Promise<void>((resolve) => world.time.after(50, resolve));
      yield value(1, 2 ** 20);
    }
  }
  assert.is((await failure(a!.put('a', body()))).code, 'MURKY_NO_QUORUM');
  assert.ok(blocks < 20, `${blocks}`);
  await world.closeAll();
});

test('a write that no owner can hold fails before its body is read', async () => {
  const world = new World();
  const node = await world.start(1, [], { weight: 0 });
  async function* body() {
    assert.unreachable('the body was read');
    yield value(1);
  }
  assert.is((await failure(node.put('a', body()))).code, 'MURKY_NO_QUORUM');
  const strict = await world.start(2, [], { writeQuorum: 2 });
  const error = await failure(strict.put('a', body()));
  assert.is(error.code, 'MURKY_NO_QUORUM');
  assert.match(error.message, /quorum is 2.*only 1/);
  await world.closeAll();
});

test('a node of weight 0 stores for the owners and keeps a cached copy once all hold it', async () => {
  const world = new World();
  for (const n of [1, 2, 3]) await world.start(n, [1, 2, 3, 4]);
  const edge = await world.start(4, [1, 2, 3], { weight: 0 });
  await world.time.run(3000);
  world.isolate(3);
  const { durable, owners, manifest } = await edge.put('a', value(1));
  assert.equal({ durable, owners }, { durable: 2, owners: 3 });
  await world.time.run(20_000);
  assert.is(edge.holds(manifest.id)?.role, 'replica', 'kept for the owner that has not got it');
  world.heal();
  await world.time.run(20_000);
  assert.is(edge.holds(manifest.id)?.role, 'cached');
  for (const n of [1, 2, 3]) assert.is(world.nodes.get(n)!.holds(manifest.id)?.role, 'replica');
  await world.closeAll();
});

test('a copy that two absent owners wait for is kept until both have it', async () => {
  const world = new World();
  const options = { writeQuorum: 1 };
  for (const n of [1, 2, 3]) await world.start(n, [1, 2, 3, 4], options);
  const edge = await world.start(4, [1, 2, 3], { ...options, weight: 0 });
  await world.time.run(3000);
  await world.kill(2);
  await world.kill(3);
  await world.time.run(10_000);
  const { manifest } = await edge.put('a', value(1));
  await world.start(2, [1, 4], options);
  await world.time.run(10_000);
  assert.ok(world.nodes.get(2)!.holds(manifest.id));
  assert.is(edge.holds(manifest.id)?.role, 'replica');
  await world.start(3, [1, 4], options);
  await world.time.run(10_000);
  assert.is(edge.holds(manifest.id)?.role, 'cached');
  await world.closeAll();
});

test('a writer that is no owner keeps its newest copy for an absent owner, also when it has overwritten its own', async () => {
  const world = new World();
  for (const n of [1, 2, 3]) await world.start(n, [1, 2, 3, 4]);
  const edge = await world.start(4, [1, 2, 3], { weight: 0 });
  await world.time.run(3000);
  world.isolate(3);
  await edge.put('a', value(1));
  const { manifest } = await edge.put('a', value(2));
  await world.time.run(20_000);
  assert.is(edge.holds(manifest.id)?.role, 'replica');
  world.heal();
  await world.time.run(20_000);
  assert.equal(world.nodes.get(3)!.store.disk.current.get(manifest.id)?.manifest.version, manifest.version);
  await world.closeAll();
});

test('with propagate-on-startup a node that comes late gets what it owns, tombstones too', async () => {
  const world = new World();
  const a = await world.start(1, [2], { propagateOnStartup: true });
  await a.put('a', value(1));
  await a.put('b', value(2));
  await a.delete('b');
  const b = await world.start(2, [1]);
  await world.time.run(5000);
  assert.equal(b.holds(resourceId('a')), { role: 'replica', tombstone: false });
  assert.equal(b.holds(resourceId('b')), { role: 'replica', tombstone: true });
  await world.closeAll();
});

test('without propagate-on-startup nothing is offered', async () => {
  const world = new World();
  const a = await world.start(1, [2]);
  await a.put('a', value(1));
  const b = await world.start(2, [1]);
  await world.time.run(20_000);
  assert.is(b.holds(resourceId('a')), undefined);
  await world.closeAll();
});

test('offering an old version brings back the newer one', async () => {
  const world = new World();
  const [a, b] = await world.startAll(2, { propagateOnStartup: true, writeQuorum: 1 });
  await a!.put('a', value(1));
  await world.time.run(3000);
  await world.kill(1);
  await b!.put('a', value(2));
  b!.store.disk.facts.clear(); // the hint is lost with what else b knew
  await world.kill(2);
  const again = await world.start(1, [1, 2], { propagateOnStartup: true });
  await world.start(2, [1, 2]);
  await world.time.run(5000);
  assert.ok((await again.get('a')).equals(value(2)));
  assert.is(again.holds(resourceId('a'))?.role, 'replica');
  await world.closeAll();
});

test('a deletion reaches an owner that was absent; the object does not come back', async () => {
  const world = new World();
  const [a, b, c] = await world.startAll(3, { propagateOnStartup: true });
  await a!.put('a', value(1));
  await world.time.run(3000);
  assert.ok(c!.holds(resourceId('a')));
  await world.kill(3);
  await world.time.run(8000);
  await b!.delete('a');
  const back = await world.start(3, [1, 2, 3], { propagateOnStartup: true });
  await world.time.run(10_000);
  for (const node of [a!, b!, back]) {
    assert.is((await failure(node.get('a'))).code, 'MURKY_NOT_FOUND');
    assert.is(node.holds(resourceId('a'))?.tombstone, true);
  }
  await world.closeAll();
});

test('more writes than hints can be kept still reach the owner', async () => {
  const world = new World();
  const [a] = await world.startAll(1);
  const queue = new RepairQueue(a!.store.facts, 2);
  const version = { time: 1n, node: 1n };
  for (const id of [1n, 2n, 3n]) await queue.owe(9n, { id, version, copies: 1 });
  assert.is(queue.count(9n), 2);
  assert.ok(await queue.lost(9n));
  await queue.confirm(9n, 1n, version);
  await queue.owe(9n, { id: 3n, version, copies: 1 });
  assert.is(queue.count(9n), 2);
  const reopened = new RepairQueue(a!.store.facts, 2);
  await reopened.load();
  assert.is(reopened.count(9n), 2);
  assert.ok(MAX_ENTRIES >= 1000);
  await world.closeAll();
});

test('an owner that lost hints is offered everything when it is back, also without propagate-on-startup', async () => {
  const world = new World();
  const [a, , c] = await world.startAll(3);
  await world.kill(3);
  await world.time.run(10_000);
  const { manifest } = await a!.put('a', value(1));
  const facts = a!.store.disk.facts;
  for (const key of [...facts.keys()]) if (key.startsWith('repair/')) facts.delete(key);
  facts.set(`repair-lost/${c!.id.toString(16).padStart(16, '0')}`, Buffer.of(1));
  const back = await world.start(3, [1, 2, 3]);
  await world.time.run(10_000);
  assert.ok(back.holds(manifest.id));
  await world.time.run(1000);
  assert.not.ok([...facts.keys()].some((key) => key.startsWith('repair-lost/')));
  await world.closeAll();
});

test('a full owner refuses, is named, and gets it when it has room', async () => {
  const world = new World();
  const [a, b, c] = await world.startAll(3);
  b!.store.maxBytes = 100;
  c!.store.maxBytes = 100;
  const error = await failure(a!.put('a', value(1)));
  assert.is(error.code, 'MURKY_NO_QUORUM');
  assert.match(error.message, /2 are full/);
  b!.store.maxBytes = 1e9;
  await world.time.run(40_000);
  assert.ok(b!.holds(resourceId('a')));
  assert.is(hintsFor(a!, b!), 0);
  assert.is(hintsFor(a!, c!), 1);
  await world.closeAll();
});

test.run();
