import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isMurkyError } from '../../src/errors.js';
import { idText } from '../../src/node/identity.js';
import { put } from '../../src/node/put.js';
import { resourceId } from '../../src/object/key.js';
import { sleep } from '../../src/seam/clock.js';
import { Machine } from '../simulation/machine.js';
import { MemoryEtcd } from '../simulation/memory-etcd.js';
import { MemoryRegister } from '../simulation/memory-register.js';
import { addressOf, World } from '../simulation/world.js';

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

test('a node that etcd takes for dead goes on in the middle of a conditional write: both it and its successor may be done', async () => {
  let bothDone = 0;
  for (let aheadMs = 0; aheadMs < 120; aheadMs += 2) {
    const world = new World();
    const etcd = new MemoryEtcd(world.net, addressOf(200));
    const machine = new Machine(world.time);
    const a = await world.start(1, [1, 2, 3], { etcd });
    await world.start(2, [1, 2, 3], { etcd });
    const stopped = await world.start(3, [1, 2, 3], { etcd, machine });
    await world.time.run(5000);
    const { manifest } = await a.put('k', bytes('first'));
    const onFirst = { ifMatch: [Buffer.from(manifest.sha256).toString('hex')] };

    // It has its claim, and commits when it goes on.
    const begin = stopped.store.begin.bind(stopped.store);
    stopped.store.begin = () => {
      const writer = begin();
      const commit = async (...what: Parameters<typeof writer.commit>) => {
        machine.pause();
        await sleep(machine, 1);
        return await writer.commit(...what);
      };
      return { ...writer, commit };
    };
    const before = put(stopped.parts, 'k', bytes('stopped'), onFirst);
    await world.time.run(60_000);
    assert.ok(machine.paused);
    assert.is(a.cluster.peers().find(({ id }) => id === idText(stopped.id))?.state, 'away');

    const successor = put(a.parts, 'k', bytes('successor'), onFirst);
    world.time.after(aheadMs, () => machine.resume());
    const outcomes = await world.time.until(Promise.allSettled([before, successor]));
    const failed = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
    if (failed.length === 0) bothDone += 1;
    // One at least is done; the other one is told.
    else assert.ok(['MURKY_PRECONDITION_FAILED', 'MURKY_SUPERSEDED'].includes(String(failed)), String(failed));
    await world.time.run(60_000);
    const found = [];
    for (const node of world.nodes.values()) found.push(String(await node.get('k')));
    assert.is(new Set(found).size, 1, `after ${aheadMs} ms: ${found}`);
    await world.closeAll();
  }
  assert.ok(bothDone > 0 && bothDone <= 6, `both were done at ${bothDone} of 60 moments`);
});

test.run();
