import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeEntry } from '../../src/cluster/repair/entry.js';
import { resourceId } from '../../src/object/key.js';
import { MemoryDisk } from '../simulation/memory-store.js';
import { type NodeOptions, type SimulatedNode, World } from '../simulation/world.js';

const value = (byte: number, length = 3000) => Buffer.alloc(length, byte);
const KEYS = Array.from({ length: 30 }, (_, i) => `k${i}`);
const GRACE = { graceSeconds: 60 };

async function fill(world: World, nodes: readonly SimulatedNode[]): Promise<void> {
  for (const [i, key] of KEYS.entries()) await nodes[i % nodes.length]!.put(key, value(i));
  await world.time.run(5000);
}

/** Keys that a node holds as a replica, deleted or not. */
const replicas = (node: SimulatedNode) => KEYS.filter((key) => node.holds(resourceId(key))?.role === 'replica');
const owned = (node: SimulatedNode) => KEYS.filter((key) => node.cluster.owners(resourceId(key)).self);

/** Every owner by the view of `judge` holds the same version, and no one else has a replica. */
function assertPlaced(world: World, judge: SimulatedNode): void {
  const nodes = [...world.nodes.values()];
  for (const node of nodes) assert.equal(owned(node), replicas(node), `node ${node.n} holds what it owns`);
  for (const key of KEYS) {
    const id = resourceId(key);
    const { self, others } = judge.cluster.owners(id);
    const ids = [...others.map((other) => other.id), ...(self ? [judge.id] : [])];
    const holders = nodes.filter((node) => ids.includes(node.id));
    assert.is(holders.length, ids.length, `${key} is owned by nodes that are there`);
    const versions = holders.map((node) => String(node.store.disk.current.get(id)?.manifest.version.time));
    assert.is(new Set(versions).size, 1, `${key}: the owners agree`);
  }
}

async function rejoin(world: World, n: number, listed: readonly number[], options: NodeOptions) {
  return world.start(n, listed, { ...options, disk: new MemoryDisk() });
}

test('a node that lost its disk is full again without a command, while reads and writes go on', async () => {
  const world = new World();
  const all = [1, 2, 3];
  const [a, b] = await world.startAll(3, { ...GRACE, propagateOnStartup: true });
  await fill(world, [...world.nodes.values()]);
  await b!.delete('k7');
  await world.kill(3);
  const back = await rejoin(world, 3, all, { ...GRACE, propagateOnStartup: true });
  for (const [i, key] of KEYS.entries()) {
    if (key === 'k7') continue;
    const reader = [a!, b!, back][i % 3]!;
    assert.ok((await reader.get(key)).equals(value(i)), `${key} at node ${reader.n}`);
    if (i % 10 === 0) await a!.put(key, value(i));
  }
  await world.time.run(90_000);
  assert.equal(replicas(back), KEYS);
  assert.equal(back.holds(resourceId('k7')), { role: 'replica', tombstone: true });
  assertPlaced(world, a!);
  await world.closeAll();
});

test('owners that differ find each other out at the next comparison, older versions and deletions too', async () => {
  const world = new World();
  const options = { writeQuorum: 1, repair: { bytesPerSecond: 1e9, concurrent: 4, compareMinutes: 5 } };
  const [a, b, c] = await world.startAll(3, options);
  await fill(world, [a!, b!, c!]);
  const before = b!.store.disk.snapshot();
  await a!.put('k1', value(99));
  await c!.delete('k2');
  await a!.put('k3', value(98));
  await world.time.run(5000);
  // Node b loses what it was told, as after a disk that lied, and a loses another object altogether.
  for (const key of ['k1', 'k2']) b!.store.disk.current.set(resourceId(key), before.current.get(resourceId(key))!);
  b!.store.disk.current.delete(resourceId('k3'));
  a!.store.disk.current.delete(resourceId('k4'));
  await world.time.run(4 * 60_000);
  assert.not.ok(a!.holds(resourceId('k4')), 'not before its time');
  await world.time.run(5 * 60_000);
  assertPlaced(world, c!);
  assert.is(b!.holds(resourceId('k2'))?.tombstone, true);
  assert.ok((await b!.get('k1')).equals(value(99)));
  assert.equal(a!.cluster.repair().queued, 0);
  await world.closeAll();
});

test("a dead node's share goes to others after the grace time, not before, and is given back when it returns", async () => {
  const world = new World();
  const all = [1, 2, 3, 4, 5];
  const nodes = await world.startAll(5, GRACE);
  await fill(world, nodes);
  const lost = replicas(nodes[4]!);
  const before = nodes.slice(0, 4).map((node) => replicas(node).length);
  await world.kill(5);
  await world.time.run(50_000);
  assert.equal(
    nodes.slice(0, 4).map((node) => replicas(node).length),
    before,
  );
  assert.ok(
    nodes.some((node) => node.cluster.repair().underReplicated > 0),
    'the status tells',
  );
  await world.time.run(90_000);
  const after = nodes.slice(0, 4).map((node) => replicas(node).length);
  const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);
  assert.is(sum(after), sum(before) + lost.length);
  assertPlaced(world, nodes[0]!);
  for (const node of nodes.slice(0, 4)) assert.is(node.cluster.repair().underReplicated, 0);
  await nodes[0]!.delete(lost[0]!);
  const back = await world.start(5, all, GRACE);
  await world.time.run(60_000);
  assert.equal(replicas(back), lost);
  assert.is(back.holds(resourceId(lost[0]!))?.tombstone, true);
  assert.equal(
    nodes.slice(0, 4).map((node) => replicas(node).length),
    before,
  );
  assertPlaced(world, back);
  await world.closeAll();
});

test('a new node gets its share from the others, who keep theirs until it has it', async () => {
  const world = new World();
  const nodes = await world.startAll(4, GRACE);
  await fill(world, nodes);
  await world.time.run(30_000);
  const joined = await world.start(5, [1, 2, 3, 4], GRACE);
  await world.time.run(1000);
  for (const [i, key] of KEYS.entries()) assert.ok((await joined.get(key)).equals(value(i)));
  await world.time.run(60_000);
  assert.ok(replicas(joined).length > 0);
  assertPlaced(world, nodes[0]!);
  await world.closeAll();
});

test('a standby node takes the place of a dead one, with all of its share, and gives it back', async () => {
  const world = new World();
  const all = [1, 2, 3, 4, 5];
  const nodes = [];
  for (const n of all) nodes.push(await world.start(n, all, { ...GRACE, standby: n === 5 }));
  await world.time.run(3000);
  await fill(world, nodes);
  const standby = nodes[4]!;
  assert.equal(replicas(standby), []);
  const lost = replicas(nodes[1]!);
  const others = [nodes[0]!, nodes[2]!, nodes[3]!];
  const before = others.map(replicas);
  await world.kill(2);
  await world.time.run(150_000);
  assert.equal(replicas(standby), lost);
  assert.equal(others.map(replicas), before, 'nothing else moves');
  await world.start(2, all, GRACE);
  await world.time.run(60_000);
  assert.equal(replicas(standby), []);
  assert.equal(replicas(world.nodes.get(2)!), lost);
  await world.closeAll();
});

test('the repair queue outlives a restart', async () => {
  const world = new World();
  const slow = {
    ...GRACE,
    propagateOnStartup: true,
    repair: { bytesPerSecond: 3000, concurrent: 1, compareMinutes: 60 },
  };
  const nodes = await world.startAll(3, slow);
  await fill(world, nodes);
  await world.kill(3);
  await rejoin(world, 3, [1, 2, 3], slow);
  await world.time.run(7000);
  const waiting = world.nodes.get(3)!.cluster.repair();
  assert.is(waiting.state, 'repairing');
  assert.ok(waiting.queued > 10, `${waiting.queued}`);
  assert.ok(waiting.secondsLeft! > 10 && waiting.secondsLeft! < 200, `${waiting.secondsLeft}`);
  await world.kill(3);
  // The others have no part in it now: what is repaired from here on is what the queue kept.
  const again = await world.start(3, [1, 2, 3], { ...slow, propagateOnStartup: false });
  assert.ok(again.cluster.repair().queued > 10);
  await world.time.run(120_000);
  assert.equal(again.cluster.repair().queued, 0);
  assert.equal(replicas(again), KEYS);
  await world.closeAll();
});

test('what the repair queue kept waits at a start until the members are known: nothing that is owed is dropped', async () => {
  const world = new World();
  const [a, , c] = await world.startAll(3);
  await world.kill(3);
  await world.time.run(10_000);
  const { manifest } = await a!.put('a', value(1));
  await world.time.until(a!.cluster.lookInto(manifest.id));
  await world.kill(1);
  world.isolate(1);
  const again = await world.start(1, [1, 2, 3]);
  assert.is(again.cluster.owners(manifest.id).others.length, 2);
  await world.time.run(3000);
  const owed = again.cluster.peers().find(({ id }) => id === c!.id.toString(16).padStart(16, '0'));
  assert.is(owed?.hints, 1);
  await world.closeAll();
});

test('a node whose place others had taken does not bring back what was deleted', async () => {
  const world = new World();
  const nodes = await world.startAll(4, GRACE);
  await fill(world, nodes);
  const lost = replicas(nodes[3]!);
  await world.kill(4);
  await world.time.run(100_000);
  for (const key of lost) await nodes[0]!.delete(key);
  await world.time.run(600_000);
  const back = await world.start(4, [1, 2, 3, 4], { ...GRACE, propagateOnStartup: true });
  await world.time.run(60_000);
  for (const node of [...nodes.slice(0, 3), back]) {
    for (const key of lost) {
      const held = node.holds(resourceId(key));
      assert.ok(!held || held.tombstone, `${key} at node ${node.n}`);
    }
  }
  await world.closeAll();
});

test('what a full owner has no room for lacks a copy, as one node says, until there is room', async () => {
  const world = new World();
  const nodes = await world.startAll(3);
  const full = nodes[2]!;
  full.store.maxBytes = 100;
  const { manifest } = await nodes[0]!.put('a', Buffer.alloc(3000));
  await nodes[1]!.put('b', Buffer.alloc(3000));
  const lacking = () => nodes.map((node) => node.cluster.repair().underReplicated);
  await world.time.run(5000);
  for (const node of nodes) await node.cluster.lookInto(resourceId('a')); // as a reader does that sees it
  await world.time.run(5000);
  assert.equal(lacking(), [0, 0, 2]);
  const noted = await full.store.facts.get(`repair/${manifest.id.toString(16).padStart(16, '0')}`);
  assert.equal(decodeEntry(noted!).version, manifest.version, 'what it lacks, which is no damage');
  assert.is(full.cluster.repair().state, 'waiting');
  full.store.maxBytes = 1e9;
  await world.time.run(20_000);
  assert.equal(lacking(), [0, 0, 0]);
  assert.is(full.cluster.repair().queued, 0);
  await world.closeAll();
});

test.run();
