import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MurkyError } from '../../src/errors.js';
import { resourceId } from '../../src/object/key.js';
import { type SimulatedNode, World } from '../simulation/world.js';

const KEYS = Array.from({ length: 20 }, (_, i) => `k${i}`);
const value = (byte: number) => Buffer.alloc(3000, byte);
const replicas = (node: SimulatedNode) => KEYS.filter((key) => node.holds(resourceId(key))?.role === 'replica');

async function fill(world: World, nodes: readonly SimulatedNode[]): Promise<void> {
  for (const [i, key] of KEYS.entries()) await nodes[i % nodes.length]!.put(key, value(i));
  await world.time.run(3000);
}

/** Every object is on as many nodes as it should have owners, and can be read at each of them. */
async function assertWhole(nodes: readonly SimulatedNode[], copies: number): Promise<void> {
  for (const [i, key] of KEYS.entries()) {
    const holding = nodes.filter((node) => replicas(node).includes(key));
    assert.is(holding.length, copies, key);
    assert.ok((await nodes[i % nodes.length]!.get(key)).equals(value(i)));
  }
}

async function drained(world: World, node: SimulatedNode): Promise<void> {
  for (let i = 0; i < 120 && node.cluster.drain.status().state !== 'drained'; i++) await world.time.run(1000);
  assert.equal(node.cluster.drain.status(), { state: 'drained', objectsLeft: 0 });
}

test('a drained node has given everything away, has left, and the others are whole without it', async () => {
  const world = new World();
  const nodes = await world.startAll(4);
  await fill(world, nodes);
  const [a, b, c, d] = nodes;
  assert.ok(replicas(d!).length > 0);
  await world.time.until(d!.cluster.drain.begin());
  await world.time.run(2000);
  const { others } = a!.cluster.owners(resourceId('new'));
  assert.not.ok(
    others.some(({ id }) => id === d!.id),
    'it owns nothing new',
  );
  await drained(world, d!);
  assert.equal(replicas(d!), []);
  await assertWhole([a!, b!, c!], 3);
  await world.time.run(3000);
  for (const node of [a!, b!, c!]) {
    const view = node.cluster.peers().find(({ id }) => id === d!.id.toString(16).padStart(16, '0'));
    assert.ok(!view || view.state === 'left');
  }
  await world.closeAll();
});

test('an interrupted drain goes on after a restart, and waits for an owner that is away', async () => {
  const world = new World();
  const nodes = await world.startAll(4, { graceSeconds: 600 });
  await fill(world, nodes);
  await world.kill(3);
  await world.time.run(10_000);
  await world.time.until(nodes[3]!.cluster.drain.begin());
  await world.time.run(20_000);
  assert.is(nodes[3]!.cluster.drain.status().state, 'draining');
  await world.kill(4);
  const again = await world.start(4, [1, 2, 3, 4], { graceSeconds: 600 });
  assert.is(again.cluster.drain.status().state, 'draining');
  await world.time.run(5000);
  const back = await world.start(3, [1, 2, 3, 4], { graceSeconds: 600 });
  await drained(world, again);
  await assertWhole([nodes[0]!, nodes[1]!, back], 3);
  await world.kill(4);
  const returned = await world.start(4, [1, 2, 3, 4], { graceSeconds: 600 });
  assert.is(returned.cluster.drain.status().state, 'off', 'whoever starts it again means it to join');
  await world.closeAll();
});

test('who was cut off while a node left hears of it later, also from where half of the nodes know no better', async () => {
  const world = new World();
  const nodes = await world.startAll(7);
  const leaving = nodes[0]!;
  world.isolate(5, 6, 7);
  await world.time.run(10_000);
  await world.time.until(leaving.cluster.drain.begin());
  await drained(world, leaving);
  await world.kill(leaving.n);
  await world.time.run(20_000); // what there is to tell has been told, to those who can be reached
  world.heal();
  await world.time.run(60_000);
  for (const node of nodes.slice(1)) {
    assert.not.ok(
      node.cluster.membership.members().some(({ id }) => id === leaving.id),
      `node ${node.n} counts on it`,
    );
  }
  await world.closeAll();
});

test('a cancelled drain leaves the node with its share', async () => {
  const world = new World();
  const nodes = await world.startAll(4);
  await fill(world, nodes);
  await world.time.run(30_000);
  const before = replicas(nodes[3]!);
  await world.time.until(nodes[3]!.cluster.drain.begin());
  await world.time.run(500);
  assert.equal(await world.time.until(nodes[3]!.cluster.drain.cancel()), { state: 'off', objectsLeft: null });
  await world.time.run(60_000);
  assert.equal(replicas(nodes[3]!), before);
  await assertWhole(nodes, 3);
  await world.closeAll();
});

test('a node that is alone cannot be drained, and says so', async () => {
  const world = new World();
  const node = await world.start(1, []);
  try {
    await world.time.until(node.cluster.drain.begin());
    assert.unreachable('it began');
  } catch (error) {
    assert.ok(error instanceof MurkyError && error.code === 'MURKY_NO_QUORUM', String(error));
    assert.match((error as MurkyError).message, /no other node/);
  }
  await world.closeAll();
});

test.run();
