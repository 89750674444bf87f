import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isMurkyError } from '../../src/errors.js';
import { put } from '../../src/node/put.js';
import { resourceId } from '../../src/object/key.js';
import { MemoryRegister } from '../simulation/memory-register.js';
import { World } from '../simulation/world.js';

const bytes = (text: string) => Buffer.from(text);

test('a plain put at once with a conditional one: both may be done, and all agree on one of them', async () => {
  let bothDone = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const world = new World(seed);
    const register = new MemoryRegister(world.time, world.random);
    const [a, b, c] = await world.startAll(3, { register });
    const { manifest } = await a!.put('k', bytes('first'));
    const ifMatch = [Buffer.from(manifest.sha256).toString('hex')];
    const conditional = put(a!.parts, 'k', bytes('conditional'), { ifMatch });
    const later = new Promise<void>((resolve) => void world.time.after(2 * seed, resolve));
    const plain = later.then(() => put(b!.parts, 'k', bytes('plain')));
    const [one, other] = await world.time.until(Promise.allSettled([conditional, plain]));
    assert.is(other.status, 'fulfilled', 'the plain one asks for nothing');
    if (one.status === 'fulfilled') bothDone += 1;
    else assert.ok(isMurkyError(one.reason, 'MURKY_PRECONDITION_FAILED'), String(one.reason));
    await world.time.run(20_000);
    const found = [];
    for (const node of [a!, b!, c!]) found.push(String(await node.get('k')));
    assert.is(new Set(found).size, 1);
    await world.closeAll();
  }
  assert.ok(bothDone > 0, 'in none of them both were done');
});

test('an owner that was away while a version was overwritten does not fetch that one afterwards', async () => {
  const world = new World();
  const [a] = await world.startAll(3);
  await a!.put('k', bytes('zero'));
  await world.time.run(5000);
  await world.kill(3);
  await world.time.run(10_000);
  await a!.put('k', bytes('one'));
  await a!.put('k', bytes('two'));
  const back = await world.start(3, [1, 2, 3], { propagateOnStartup: true });
  await world.time.run(60_000);
  const versions = async (node: typeof back) => (await node.store.history(resourceId('k'))).length;
  assert.is((await back.get('k')).toString(), 'two');
  assert.equal([await versions(a!), await versions(back)], [3, 2]);
  await world.closeAll();
});

test('with a write quorum above a majority a write needs more nodes, and a quorum read no more', async () => {
  const world = new World();
  const [a, b] = await world.startAll(3, { writeQuorum: 3, writeTimeoutMs: 2000 });
  assert.is((await a!.put('k', bytes('one'))).durable, 3);
  await world.kill(3);
  await world.time.run(15_000);
  const failed = await a!.put('k', bytes('two')).catch((error: unknown) => error);
  assert.ok(isMurkyError(failed, 'MURKY_NO_QUORUM'), String(failed));
  assert.ok(await b!.get('k', { consistency: 'quorum' }));
  await world.closeAll();
});

test('a write that failed half-way does not come back after it was overwritten', async () => {
  const world = new World();
  const [a, b, c] = await world.startAll(3, { writeTimeoutMs: 2000 });
  async function* body() {
    await new Promise<void>((resolve) => world.time.after(500, resolve)); // the owners have been asked by now
    world.isolate(1);
    yield bytes('failed');
  }
  const failed = await a!.put('k', body()).catch((error: unknown) => error);
  assert.ok(isMurkyError(failed, 'MURKY_NO_QUORUM'), String(failed));
  assert.is(failed.facts.durable, 1, 'it is at the writer');
  await world.time.run(20_000);
  await b!.put('k', bytes('second'));
  world.heal();
  await world.time.run(60_000);
  for (const node of [a!, b!, c!]) assert.is((await node.get('k')).toString(), 'second', `node ${node.n}`);
  await world.closeAll();
});

test.run();
