import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Membership } from '../../src/cluster/membership.js';
import { Drain } from '../../src/cluster/repair/drain.js';
import { MurkyError } from '../../src/errors.js';
import { resourceId } from '../../src/object/key.js';
import { sleep } from '../../src/seam/clock.js';
import { silentLog } from '../../src/seam/log.js';
import { MemoryStore } from '../simulation/memory-store.js';
import { VirtualTime } from '../simulation/virtual-clock.js';
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
  assert.equal(node.cluster.drain.status(), { state: 'drained', objectsLeft: 0, heldUp: null });
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
  const cancelled = await world.time.until(d!.cluster.drain.cancel().catch((error: MurkyError) => error));
  assert.ok(cancelled instanceof MurkyError && cancelled.code === 'MURKY_HAS_LEFT', String(cancelled));
  assert.is(cancelled.status, 409);
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
  assert.equal(await world.time.until(nodes[3]!.cluster.drain.cancel()), {
    state: 'off',
    objectsLeft: null,
    heldUp: null,
  });
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

for (const heard of [true, false]) {
  const outcome = heard ? 'heard, it is too late' : 'not heard, the drain has ended';
  test(`a drain that is called off while the node says goodbye waits for that: if it is ${outcome}`, async () => {
    const time = new VirtualTime();
    let answer = () => {};
    const leaving = new Promise<void>((resolve, reject) => {
      answer = () => (heard ? resolve() : reject(new MurkyError('MURKY_NODE_UNREACHABLE', 'Nobody has heard it.')));
    });
    const reweighed: number[] = [];
    const membership = {
      members: () => [{ state: 'alive', weight: 1 }],
      reweigh: (weight: number) => void reweighed.push(weight),
      leave: () => leaving,
    } as unknown as Membership;
    const drain = new Drain({
      facts: new MemoryStore().facts,
      clock: time.clock(),
      log: silentLog,
      membership,
      weight: 1,
      onWeight: () => {},
      keptForOthers: async () => 0,
    });
    await drain.begin();
    await time.run(1500); // it has nothing left, and leaves
    const cancelling = drain.cancel().then(
      ({ state }) => state,
      (error) => (error as MurkyError).code,
    );
    await time.run(1000);
    assert.is(drain.status().state, 'draining');
    answer();
    assert.is(await time.until(cancelling), heard ? 'MURKY_HAS_LEFT' : 'off');
    await time.run(5000);
    assert.is(drain.status().state, heard ? 'drained' : 'off');
    assert.equal(reweighed, heard ? [0] : [0, 1]);
  });
}

test('a drain that is called off while the last look ends is called off', async () => {
  const time = new VirtualTime();
  const clock = time.clock();
  const { facts } = new MemoryStore();
  const goodbyes: number[] = [];
  const membership = {
    members: () => [{ state: 'alive', weight: 1 }],
    reweigh: () => {},
    leave: async () => void goodbyes.push(clock.monotonic()),
  } as unknown as Membership;
  const drain = new Drain({
    facts: {
      get: (key) => facts.get(key),
      put: (key, value) => facts.put(key, value),
      entries: (prefix) => facts.entries(prefix),
      delete: (key) => sleep(clock, 100).then(() => facts.delete(key)),
    },
    clock,
    log: silentLog,
    membership,
    weight: 1,
    onWeight: () => {},
    keptForOthers: () => sleep(clock, 500).then(() => 0),
  });
  await drain.begin();
  await time.run(1450); // it looks
  const cancelled = await time.until(drain.cancel());
  await time.run(5000);
  assert.equal([cancelled.state, drain.status().state, goodbyes], ['off', 'off', []]);
});

test('two that begin a drain at the same time begin one', async () => {
  const time = new VirtualTime();
  const clock = time.clock();
  const { facts } = new MemoryStore();
  const looks: number[] = [];
  const reweighed: number[] = [];
  const drain = new Drain({
    facts: {
      get: (key) => facts.get(key),
      put: (key, value) => sleep(clock, 100).then(() => facts.put(key, value)),
      entries: (prefix) => facts.entries(prefix),
      delete: (key) => facts.delete(key),
    },
    clock,
    log: silentLog,
    membership: {
      members: () => [{ state: 'alive', weight: 1 }],
      reweigh: (weight: number) => void reweighed.push(weight),
    } as unknown as Membership,
    weight: 1,
    onWeight: () => {},
    keptForOthers: async () => {
      looks.push(clock.monotonic());
      return 7;
    },
  });
  await time.until(Promise.all([drain.begin(), drain.begin()]));
  await time.run(3500);
  assert.is(looks.length, 3, 'it looks once a second');
  assert.equal(reweighed, [0]);
  const [off] = await time.until(Promise.all([drain.cancel(), drain.begin(), drain.cancel()]));
  assert.is(off.state, 'off');
  assert.is(drain.status().state, 'off', 'the last word holds');
  assert.equal(reweighed, [0, 1, 0, 1]);
});

test('a node whose goodbye nobody hears has not left, and leaves when it is heard', async () => {
  const world = new World();
  const nodes = await world.startAll(4);
  world.isolate(4);
  await world.time.until(nodes[3]!.cluster.drain.begin());
  await world.time.run(30_000);
  assert.is(nodes[3]!.cluster.drain.status().state, 'draining');
  world.heal();
  await drained(world, nodes[3]!);
  await world.time.run(5000);
  for (const node of nodes.slice(0, 3)) {
    assert.not.ok(node.cluster.membership.members().some(({ id }) => id === nodes[3]!.id));
  }
  await world.closeAll();
});

test('a node whose disk is full can be drained, and notes it when the disk takes it', async () => {
  const time = new VirtualTime();
  const { facts } = new MemoryStore();
  let full = true;
  let left = 7;
  const goodbyes: string[] = [];
  const onDisk = async <T>(write: () => Promise<T>): Promise<T> => {
    if (full) throw new MurkyError('MURKY_DISK_FULL', 'The disk is full.');
    return await write();
  };
  const drain = new Drain({
    facts: {
      get: (key) => facts.get(key),
      put: (key, value) => onDisk(() => facts.put(key, value)),
      entries: (prefix) => facts.entries(prefix),
      delete: (key) => onDisk(() => facts.delete(key)),
    },
    clock: time.clock(),
    log: silentLog,
    membership: {
      members: () => [{ state: 'alive', weight: 1 }],
      reweigh: () => {},
      leave: async () => void goodbyes.push('goodbye'),
    } as unknown as Membership,
    weight: 1,
    onWeight: () => {},
    keptForOthers: async () => left,
  });
  const noted = async () => {
    let count = 0;
    for await (const _ of facts.entries('drain')) count += 1;
    return count;
  };
  assert.is((await drain.begin()).state, 'draining');
  await time.run(3000);
  assert.is(await noted(), 0);
  full = false;
  await time.run(2000);
  assert.is(await noted(), 1);
  full = true;
  left = 0;
  await time.run(5000);
  assert.is(drain.status().state, 'drained');
  assert.equal(goodbyes, ['goodbye'], 'said once, though the disk does not take that it has left');
});

test('the one that heard a goodbye knows of it after a kill too, and tells the others', async () => {
  const world = new World();
  const nodes = await world.startAll(4);
  const [, , heard, leaving] = nodes as [SimulatedNode, SimulatedNode, SimulatedNode, SimulatedNode];
  world.isolate(1, 2);
  await world.time.run(20_000);
  const { facts } = heard.store;
  const put = facts.put.bind(facts);
  let underWay = 0;
  facts.put = async (key, value) => {
    underWay += 1;
    await sleep(world.time.clock(), 1500);
    await put(key, value);
    underWay -= 1;
  };
  await world.time.until(leaving.cluster.drain.begin());
  await drained(world, leaving);
  assert.is(underWay, 0, 'it has not left before that is on a disk');
  await world.kill(4);
  await world.kill(3);
  await world.time.run(20_000);
  world.heal();
  const again = await world.start(3, [1, 2]);
  await world.time.run(20_000);
  for (const node of [nodes[0]!, nodes[1]!, again]) {
    assert.not.ok(
      node.cluster.membership.members().some(({ id }) => id === leaving.id),
      `node ${node.n} counts on it`,
    );
  }
  await world.closeAll();
});

test.run();
