import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodePing } from '../../src/cluster/swim/ping-message.js';
import { RequestKind } from '../../src/rain/contract.js';
import { MemoryDisk } from '../simulation/memory-store.js';
import { addressOf, type SimulatedNode, World } from '../simulation/world.js';

/** A PING of node 5, which runs nowhere. */
const pingOf5 = (news: { id: bigint; contact: { host: string; port: number } }[]) =>
  encodePing({
    self: { id: 5n, boot: 6n, incarnation: 1, weight: 1, zone: '', standby: false, left: false },
    to: 0n,
    belief: { incarnation: 0, status: 'alive' },
    wallMs: 1_767_225_600_000,
    settings: { replicas: 3, writeQuorum: 'majority', graceSeconds: 600 },
    digest: 0n,
    news: news.map((one) => ({
      ...one,
      incarnation: 1,
      status: 'alive',
      ageMs: 0,
      weight: 1,
      zone: '',
      standby: false,
    })),
  }).bytes;
const states = (node: SimulatedNode) =>
  Object.fromEntries(node.cluster.peers().map((peer) => [`${peer.host}:${peer.port}`, peer.state]));
const idText = (node: SimulatedNode) => node.id.toString(16).padStart(16, '0');

/** Both that have one identity are told of the other, and so is the one that meets both. */
function assertTold(witness: SimulatedNode, ...twins: SimulatedNode[]): void {
  for (const node of twins) {
    assert.is(node.cluster.identityConflicts().length, 1);
    assert.match(node.cluster.identityConflicts()[0]!, /has the id of this one/);
  }
  assert.match(witness.cluster.identityConflicts()[0] ?? '', /Two running nodes have the id/);
}

test('listed nodes find each other, and a node does not count itself', async () => {
  const world = new World();
  const [a, b] = await world.startAll(2);
  assert.equal(states(a!), { '10.0.0.2:1980': 'alive' });
  const [peer] = b!.cluster.peers();
  assert.is(peer?.id, idText(a!));
  assert.is(peer?.weight, 1);
  assert.ok(peer!.roundTripMs! > 0);
  await world.closeAll();
});

test('a silent peer is away after five seconds and comes back', async () => {
  const world = new World();
  const [a] = await world.startAll(2);
  world.isolate(2);
  await world.time.run(3500);
  assert.equal(states(a!), { '10.0.0.2:1980': 'alive' });
  await world.time.run(6500);
  assert.equal(states(a!), { '10.0.0.2:1980': 'away' });
  assert.is(a!.cluster.owners(1n).others.length, 1, 'a peer that is away still owns its share');
  world.heal();
  await world.time.run(6000);
  assert.equal(states(a!), { '10.0.0.2:1980': 'alive' });
  await world.closeAll();
});

test('with auto-add-peers a chain of nodes comes to know all', async () => {
  const world = new World();
  const nodes = [];
  for (let n = 1; n <= 6; n++) nodes.push(await world.start(n, n > 1 ? [n - 1] : []));
  await world.time.run(10_000);
  for (const node of nodes) assert.is(node.cluster.peers().filter(({ state }) => state === 'alive').length, 5);
  await world.closeAll();
});

test('without auto-add-peers only listed nodes count', async () => {
  const world = new World();
  const a = await world.start(1, [], { autoAddPeers: false });
  const b = await world.start(2, [1], { autoAddPeers: false });
  const c = await world.start(3, [1, 2], { autoAddPeers: false });
  await world.time.run(10_000);
  assert.equal(
    [a, b, c].map((node) => node.cluster.peers().length),
    [0, 1, 2],
  );
  await world.closeAll();
});

test('a node with another key is never known', async () => {
  const world = new World();
  const a = await world.start(1, [2]);
  await world.start(2, [1], { key: 'another' });
  await world.time.run(30_000);
  assert.equal(states(a), { '10.0.0.2:1980': 'unknown' });
  assert.is(a.cluster.owners(1n).others.length, 0);
  await world.closeAll();
});

test('peers are found through heavy loss', async () => {
  const world = new World(7);
  world.net.loss = 0.3;
  const nodes = await world.startAll(4);
  await world.time.run(20_000);
  for (const node of nodes) assert.is(node.cluster.peers().filter(({ state }) => state === 'alive').length, 3);
  await world.closeAll();
});

test('a restarted node knows its peers, and so the owners, before any answers', async () => {
  const world = new World();
  const [a, b] = await world.startAll(3);
  const before = a!.cluster.owners(77n).others.map(({ id }) => id);
  await world.kill(1);
  await world.kill(2);
  await world.kill(3);
  const again = await world.start(1, [2]); // 3 is no longer listed, but was learned
  assert.equal(
    again.cluster
      .owners(77n)
      .others.map(({ id }) => id)
      .sort(),
    before.sort(),
  );
  assert.equal(states(again)['10.0.0.2:1980'], 'away');
  assert.ok(before.includes(b!.id));
  await world.closeAll();
});

test('a listed node that comes back with an empty folder is a new node in the place of the old one', async () => {
  const world = new World();
  const [a, b] = await world.startAll(2);
  await world.kill(2);
  const fresh = await world.start(2, [1], { disk: new MemoryDisk() });
  await world.time.run(5000);
  assert.is.not(fresh.id, b!.id);
  assert.equal(
    a!.cluster.owners(1n).others.map(({ id }) => id),
    [fresh.id],
  );
  await world.closeAll();
});

test('a node that moves to another address is followed there', async () => {
  const world = new World();
  const [a, , c] = await world.startAll(3);
  await world.kill(3);
  const moved = await world.start(9, [1], { disk: c!.store.disk });
  await world.time.run(12_000);
  const members = a!.cluster.owners(1n).others;
  assert.is(members.length, 2);
  assert.equal(members.find(({ id }) => id === moved.id)?.address, addressOf(9));
  await world.closeAll();
});

test('a copied data folder is noticed by the node and by others, in one sentence', async () => {
  const world = new World();
  const [a, b] = await world.startAll(2);
  const copy = new MemoryDisk();
  for (const [key, value] of b!.store.disk.facts) copy.facts.set(key, value);
  const twin = await world.start(3, [1, 2], { disk: copy });
  await world.time.run(15_000);
  for (const node of [b!, twin]) {
    assert.is(node.cluster.identityConflicts().length, 1);
    // Met directly, so that it can be said where.
    const { host, port } = addressOf(node === b ? 3 : 2);
    assert.match(
      node.cluster.identityConflicts()[0]!,
      `Another running node (${host}:${port}) has the id of this one.`,
    );
  }
  assert.match(a!.cluster.identityConflicts()[0] ?? '', /Two running nodes have the id/);
  assert.is(a!.sentences.filter((sentence) => sentence.includes('data folder was copied')).length, 1);
  await world.closeAll();
});

test('two nodes with one data folder that know only a third one are both told', async () => {
  const world = new World();
  const a = await world.start(1, []);
  const b = await world.start(2, [1]);
  await world.time.run(3000);
  const copy = new MemoryDisk();
  for (const [key, value] of b.store.disk.facts) copy.facts.set(key, value);
  const twin = await world.start(3, [1], { disk: copy });
  await world.time.run(20_000);
  assertTold(a, b, twin);
  assert.is(a.sentences.filter((sentence) => sentence.includes('data folder was copied')).length, 1);
  await world.closeAll();
});

test('both are told too where they start with the same incarnation', async () => {
  const world = new World();
  const a = await world.start(1, []);
  const before = await world.start(2, [1]);
  await world.time.run(3000);
  await world.kill(2);
  const copy = new MemoryDisk();
  for (const [key, value] of before.store.disk.facts) copy.facts.set(key, value);
  const b = await world.start(2, [1]);
  const twin = await world.start(3, [1], { disk: copy });
  await world.time.run(20_000);
  assertTold(a, b, twin);
  await world.closeAll();
});

test('a listed name that does not resolve yet is tried again', async () => {
  const world = new World();
  let known = false;
  const resolve = async ({ host, port }: { host: string; port: number }) => {
    if (host !== 'node-2.example') return [{ host, port }];
    if (!known) throw new Error('ENOTFOUND');
    return [addressOf(2)];
  };
  const servers = [{ host: 'node-2.example', port: 1980 }];
  const a = await world.start(1, [], { servers, resolve, autoAddPeers: false });
  await world.start(2, [], { autoAddPeers: false });
  await world.time.run(8000);
  assert.equal(states(a), { 'node-2.example:1980': 'unknown' });
  known = true;
  await world.time.run(8000);
  assert.equal(states(a), { 'node-2.example:1980': 'alive' });
  assert.is(a.sentences.filter((sentence) => sentence.includes('does not answer yet')).length, 1);
  await world.closeAll();
});

test('one node under two listed contacts counts once', async () => {
  const world = new World();
  const servers = [{ host: 'node-2.example', port: 1980 }, addressOf(2), addressOf(1)];
  const resolve = async ({ host, port }: { host: string; port: number }) =>
    host === 'node-2.example' ? [addressOf(2)] : [{ host, port }];
  const a = await world.start(1, [], { servers, resolve });
  await world.start(2, []);
  await world.time.run(10_000);
  assert.is(a.cluster.owners(1n).others.length, 1);
  assert.equal(Object.values(states(a)), ['alive']);
  await world.closeAll();
});

test('a node that says where it is to be reached is learned under that contact', async () => {
  const world = new World();
  const advertised = { host: 'public.example', port: 1980 };
  const a = await world.start(1, [], { resolve: async () => [addressOf(2)] });
  await world.start(2, [1], { advertised });
  await world.time.run(10_000);
  assert.equal(states(a), { 'public.example:1980': 'alive' });
  await world.closeAll();
});

test('restarts are not taken for a copied folder', async () => {
  const world = new World();
  const [a] = await world.startAll(2);
  for (let i = 0; i < 4; i++) {
    await world.kill(2);
    await world.time.run(1000);
    await world.start(2, [1]);
    await world.time.run(4000);
  }
  assert.equal(a!.cluster.identityConflicts(), []);
  await world.closeAll();
});

test('the loopback address of one machine is not taken for that of another', async () => {
  const world = new World();
  const a = await world.start(1, []);
  const other = world.net.open(addressOf(99), a.rain.source);
  const known = [{ id: 7n, contact: { host: '127.0.0.1', port: 1980 } }];
  const hello = pingOf5(known);
  await world.time.until(other.request(addressOf(1), RequestKind.Ping, hello));
  assert.equal(Object.keys(states(a)), ['10.0.0.99:1980']);
  await world.closeAll();
});

test('the number of learned peers is bounded', async () => {
  const world = new World();
  const a = await world.start(1, []);
  const other = world.net.open(addressOf(99), a.rain.source);
  for (let i = 0; i < 80; i++) {
    const known = Array.from({ length: 16 }, (_, j) => ({
      id: BigInt(1000 + 16 * i + j),
      contact: { host: `10.1.${i}.${j}`, port: 1980 },
    }));
    const hello = pingOf5(known);
    await world.time.until(other.request(addressOf(1), RequestKind.Ping, hello));
  }
  assert.is(a.cluster.peers().length, 1024);
  await world.closeAll();
});

test('a name that leads to many addresses leads to all nodes there', async () => {
  const world = new World();
  const resolve = async () => [2, 3, 4].map(addressOf);
  const servers = [{ host: 'nodes.example', port: 1980 }];
  const a = await world.start(1, [], { servers, resolve, autoAddPeers: false });
  for (const n of [2, 3, 4]) await world.start(n, [], { autoAddPeers: false });
  await world.time.run(8000);
  assert.is(a.cluster.membership.members().filter(({ state }) => state === 'alive').length, 3);
  await world.closeAll();
});

test('a clock that is a day off is told in one sentence, and no longer once it is set', async () => {
  const world = new World();
  const a = await world.start(1, [2]);
  await world.start(2, [1], { skewMs: 24 * 3600 * 1000 });
  await world.time.run(5000);
  assert.equal(a.cluster.warnings(), ['The clock of 10.0.0.2:1980 is 1 day ahead of the one here; set both by NTP.']);
  assert.is(a.sentences.filter((sentence) => sentence.includes('set both by NTP')).length, 1);
  await world.kill(2);
  await world.start(2, [1]);
  await world.time.run(15_000);
  assert.equal(a.cluster.warnings(), []);
  await world.closeAll();
});

test('a node that is configured otherwise is named, with the keys and both values', async () => {
  const world = new World();
  const a = await world.start(1, [2]);
  await world.start(2, [1], { replicas: 5, writeQuorum: 2 });
  await world.time.run(5000);
  assert.equal(a.cluster.warnings(), [
    '10.0.0.2:1980 is configured otherwise: cluster.replicas is 3 here and 5 there, cluster.write-quorum is majority ' +
      'here and 2 there; all nodes of a cluster need the same.',
  ]);
  await world.closeAll();
});

test('a node that has lost its disk does not count on the node that it was before, also if no one tells it', async () => {
  const world = new World();
  const [, before] = await world.startAll(3);
  await world.kill(2);
  const names = (node: SimulatedNode) => node.cluster.membership.members().map(({ id }) => id);
  const again = await world.start(2, [1, 2, 3], { disk: new MemoryDisk() });
  await world.time.run(200);
  assert.not(again.id === before!.id);
  world.isolate(2); // as far as it got, it may have heard of itself
  await world.time.run(30_000);
  assert.not.ok(names(again).includes(before!.id));
  await world.closeAll();
});

test('a node does not take up from its disk whom it has replaced', async () => {
  const world = new World();
  const [a, b] = await world.startAll(2);
  world.isolate(2);
  const { facts } = a!.store.disk;
  const key = `peer/${idText(b!)}`;
  assert.ok(facts.has(key));
  const disk = new MemoryDisk();
  disk.facts.set(key, facts.get(key)!);
  await world.kill(2);
  const again = await world.start(2, [], { disk });
  assert.equal(again.cluster.membership.members(), []);
  await world.closeAll();
});

test.run();
