import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MurkyError } from '../../src/errors.js';
import { resourceId } from '../../src/object/key.js';
import { encodeManifest } from '../../src/object/manifest.js';
import { failure } from '../failure.js';
import { World } from '../simulation/world.js';

const value = (byte: number, length = 3000) => Buffer.alloc(length, byte);

test('an id that belongs to another key is refused here and at the owners', async () => {
  const world = new World();
  const [a, b] = await world.startAll(2);
  const id = String(resourceId('a'));
  await a!.put('a', value(1));
  await world.time.run(3000);
  assert.is((await failure(b!.put(id, value(2)))).code, 'MURKY_ID_TAKEN');
  assert.is((await failure(b!.get(id))).code, 'MURKY_NOT_FOUND');
  assert.is((await failure(b!.delete(id))).code, 'MURKY_NOT_FOUND');
  assert.ok((await b!.get('a')).equals(value(1)));
  await world.closeAll();
});

test('a key whose id turns out to be taken at the owners leaves nothing here', async () => {
  const world = new World();
  const owner = await world.start(1, []);
  const edge = await world.start(2, [1], { weight: 0 });
  await world.time.run(3000);
  await owner.put('a', value(1));
  world.isolate(2);
  async function* body() {
    await new Promise<void>((resolve) => world.time.after(500, resolve)); // so that it is not noticed before the commit
    world.heal();
    yield value(2);
  }
  assert.is((await failure(edge.put(String(resourceId('a')), body()))).code, 'MURKY_ID_TAKEN');
  assert.is(edge.holds(resourceId('a')), undefined);
  assert.ok((await edge.get('a')).equals(value(1)));
  await world.closeAll();
});

test('a later put wins over one from a clock that is a day ahead', async () => {
  const world = new World();
  const ahead = await world.start(1, [2, 3], { skewMs: 86_400_000 });
  const right = await world.start(2, [1, 3]);
  const behind = await world.start(3, [1, 2], { skewMs: -86_400_000 });
  await world.time.run(3000);
  const all = [ahead, right, behind];
  for (const [i, node] of [ahead, behind, right, behind, ahead, right].entries()) {
    await node.put('a', value(i));
    await world.time.run(2000);
    for (const reader of all) assert.ok((await reader.get('a')).equals(value(i)), `put ${i}`);
  }
  await world.closeAll();
});

test('a writer behind in time sees the newer version at the owners before it commits', async () => {
  const world = new World();
  const ahead = await world.start(1, [], { skewMs: 86_400_000 });
  const edge = await world.start(2, [1], { weight: 0 });
  await world.time.run(3000);
  await ahead.put('a', value(1));
  await edge.put('a', value(2));
  assert.ok((await ahead.get('a')).equals(value(2)));
  assert.is(edge.store.disk.readable.size, 1, 'one version was enough');
  await world.closeAll();
});

test('a put that no owner answers at first waits until it can be put in order', async () => {
  const world = new World();
  const ahead = await world.start(1, [], { skewMs: 86_400_000 });
  const edge = await world.start(2, [1], { weight: 0 });
  await world.time.run(3000);
  await ahead.put('a', value(1));
  world.isolate(2);
  async function* body() {
    await new Promise<void>((resolve) => world.time.after(500, resolve)); // longer than a glance
    world.heal();
    yield value(2);
  }
  await edge.put('a', body());
  assert.ok((await ahead.get('a')).equals(value(2)));
  assert.is(edge.store.disk.readable.size, 1, 'one version was enough');
  await world.closeAll();
});

test('with a write quorum below a majority a put goes on alone, says that its order is not known, and mends it', async () => {
  const world = new World();
  const options = { writeQuorum: 1 };
  const ahead = await world.start(1, [2, 3], { ...options, skewMs: 86_400_000 });
  const right = await world.start(2, [1, 3], options);
  await world.start(3, [1, 2], options);
  await world.time.run(3000);
  assert.ok((await ahead.put('a', value(1))).ordered);
  world.isolate(2);
  assert.is((await right.put('a', value(2))).ordered, false);
  world.heal();
  await world.closeAll();
});

test('two that write the same key at once both succeed, and all agree on one of them', async () => {
  const world = new World(3);
  const nodes = await world.startAll(3);
  const { put } = await import('../../src/node/put.js');
  for (let round = 0; round < 5; round++) {
    const writes = nodes.map((node, i) => put(node.parts, 'a', value(10 * round + i)));
    await world.time.until(Promise.all(writes));
    await world.time.run(5000);
    const read = await Promise.all(nodes.map((node) => node.store.current(resourceId('a'))));
    assert.is(new Set(read.map((manifest) => encodeManifest(manifest!).toString('hex'))).size, 1);
  }
  await world.closeAll();
});

test('a large object is not given up while it makes progress, though it takes longer than the write timeout', async () => {
  const world = new World();
  const [a, b] = await world.startAll(2, { writeTimeoutMs: 4000 });
  world.net.delayMs = 400;
  const { durable } = await a!.put('a', value(1, 12 * 2 ** 20));
  assert.is(durable, 2);
  assert.ok(b!.holds(resourceId('a')));
  await world.closeAll();
});

test('writes through loss and cuts converge on every owner', async () => {
  for (const seed of [11, 12, 13]) {
    const world = new World(seed);
    const nodes = await world.startAll(5);
    world.net.loss = 0.15;
    const last = new Map<string, Buffer>();
    for (let i = 0; i < 20; i++) {
      const key = `k${i % 7}`;
      const bytes = value(i + 1);
      world.random.unit() < 0.4 ? world.isolate(1 + Math.floor(world.random.unit() * 5)) : world.heal();
      try {
        await nodes[i % 5]!.put(key, bytes);
        last.set(key, bytes);
      } catch (error) {
        assert.ok(error instanceof MurkyError, String(error));
        last.delete(key); // written somewhere, not promised
      }
      await world.time.run(world.random.unit() * 4000);
    }
    world.heal();
    world.net.loss = 0;
    await world.time.run(90_000);
    for (const key of new Set([...Array(7).keys()].map((i) => `k${i}`))) {
      const id = resourceId(key);
      const owners = nodes.filter((node) => node.cluster.owners(id).self);
      assert.is(owners.length, 3);
      const versions = new Set(owners.map((node) => node.store.disk.current.get(id)?.manifest.version.time));
      assert.is(versions.size, 1, `seed ${seed}, ${key}: the owners agree`);
      const expected = last.get(key);
      if (expected) assert.ok((await nodes[0]!.get(key)).equals(expected), `seed ${seed}, ${key}`);
    }
    await world.closeAll();
  }
});

test.run();
