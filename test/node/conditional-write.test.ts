import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeClaim } from '../../src/cluster/claims.js';
import { MurkyError } from '../../src/errors.js';
import type { PutOptions, WriteResult } from '../../src/node/contract.js';
import { remove } from '../../src/node/delete.js';
import { idText } from '../../src/node/identity.js';
import { put } from '../../src/node/put.js';
import { sha256 } from '../../src/object/manifest.js';
import { RequestKind } from '../../src/rain/contract.js';
import { codeOf } from '../failure.js';
import { MemoryRegister } from '../simulation/memory-register.js';
import { type NodeOptions, type SimulatedNode, World } from '../simulation/world.js';

const tagOf = (text: string) => sha256(Buffer.from(text)).toString('hex');

async function three(options: (world: World) => NodeOptions = () => ({})) {
  const world = new World(5);
  const nodes = await world.startAll(3, { writeTimeoutMs: 2000, ...options(world) });
  return { world, nodes, a: nodes[0]!, b: nodes[1]!, c: nodes[2]! };
}

const withRegister = (world: World) => ({ register: new MemoryRegister(world.time, world.random) });

test('a condition is held against what a majority knows, also at an owner that knows of less', async () => {
  const { world, a, b, c } = await three();
  const onlyNew: PutOptions = { ifNoneMatch: '*' };
  assert.is(await codeOf(a.put('k', Buffer.from('1'), { ifMatch: '*' })), 'MURKY_PRECONDITION_FAILED');
  assert.is((await a.put('k', Buffer.from('1'), onlyNew)).replaced, false);
  await world.time.run(2000);
  world.isolate(3);
  await a.put('k', Buffer.from('2'));
  world.heal();
  assert.equal((await c.get('k')).toString(), '1', 'it has missed that');
  assert.is(await codeOf(c.put('k', Buffer.from('3'), { ifMatch: [tagOf('1')] })), 'MURKY_PRECONDITION_FAILED');
  assert.is(await codeOf(c.put('k', Buffer.from('3'), onlyNew)), 'MURKY_PRECONDITION_FAILED');
  assert.is(await codeOf(c.delete('k', { ifMatch: [tagOf('1')] })), 'MURKY_PRECONDITION_FAILED');
  assert.is(await codeOf(c.put('k', Buffer.from('3'), { ifNoneMatch: [tagOf('2')] })), 'MURKY_PRECONDITION_FAILED');
  assert.ok((await c.put('k', Buffer.from('3'), { ifMatch: ['other', tagOf('2')] })).replaced);
  assert.equal((await b.get('k', { consistency: 'quorum' })).toString(), '3');
  await b.delete('k', { ifMatch: [tagOf('3')] });
  assert.is(await codeOf(c.delete('k', { ifMatch: '*' })), 'MURKY_PRECONDITION_FAILED');
  assert.is(await codeOf(c.delete('k', { ifNoneMatch: [tagOf('3')] })), 'MURKY_NOT_FOUND');
  await c.put('k', Buffer.from('4'), onlyNew);
  await world.closeAll();
});

test('what is refused is refused before its body is read, and without a majority nothing is written', async () => {
  const { world, a } = await three();
  await a.put('k', Buffer.from('1'));
  async function* body() {
    assert.unreachable('the body was read');
    yield Buffer.from('2');
  }
  assert.is(await codeOf(a.put('k', body(), { ifNoneMatch: '*' })), 'MURKY_PRECONDITION_FAILED');
  world.isolate(1);
  assert.is(await codeOf(a.put('k', body(), { ifMatch: '*' })), 'MURKY_NO_QUORUM');
  assert.is(await codeOf(a.delete('k', { ifMatch: '*' })), 'MURKY_NO_QUORUM');
  assert.equal((await a.get('k')).toString(), '1');
  await world.closeAll();
});

test('what is overwritten while the body comes is seen before the commit', async () => {
  const { world, a, b } = await three();
  await a.put('k', Buffer.from('1'));
  async function* body() {
    await put(b.parts, 'k', Buffer.from('2'));
    yield Buffer.from('3');
  }
  assert.is(await codeOf(a.put('k', body(), { ifMatch: [tagOf('1')] })), 'MURKY_PRECONDITION_FAILED');
  assert.equal((await a.get('k')).toString(), '2');
  await world.closeAll();
});

/** How many of the writes at once, each at its node, that replace the same value are acknowledged. */
async function race(world: World, nodes: readonly SimulatedNode[], expected: string): Promise<WriteResult[]> {
  const writes = nodes.map((node, i) =>
    put(node.parts, 'k', Buffer.from(`${expected}${i}`), { ifMatch: [tagOf(expected)] }).catch((error) => {
      assert.ok(error instanceof MurkyError, String(error));
      return undefined;
    }),
  );
  const results = await world.time.until(Promise.all(writes));
  return results.filter((result) => result !== undefined);
}

test('of writes at once at one owner that replace the same version one is done', async () => {
  const { world, a } = await three();
  let value = '1';
  await a.put('k', Buffer.from(value));
  for (let round = 0; round < 5; round++) {
    const done = await race(world, [a, a, a], value);
    assert.is(done.length, 1, `round ${round}`);
    value = (await a.get('k')).toString();
  }
  await world.closeAll();
});

test('without a register two at different nodes may be done; the one that lost is told, and both are kept', async () => {
  const { world, nodes, a } = await three();
  let value = '1';
  await a.put('k', Buffer.from(value));
  let both = 0;
  for (let round = 0; round < 20; round++) {
    const done = await race(world, nodes.slice(0, 2), value);
    value = (await a.get('k', { consistency: 'quorum' })).toString();
    if (done.length < 2) continue;
    both += 1;
    const winner = done.find(({ manifest }) => Buffer.from(manifest.sha256).toString('hex') === tagOf(value))!;
    for (const loser of done.filter((result) => result !== winner)) {
      if (loser.overtaken) assert.equal(loser.overtaken, winner.manifest.version);
    }
  }
  assert.ok(both > 0, 'it happens');
  await world.closeAll();
});

test('with a register at most one of the writes at different nodes that replace the same version is done', async () => {
  const { world, nodes, a } = await three(withRegister);
  let value = '1';
  await a.put('k', Buffer.from(value));
  for (let round = 0; round < 20; round++) {
    const done = await race(world, nodes, value);
    assert.is(done.length, 1, `round ${round}`);
    value = (await a.get('k', { consistency: 'quorum' })).toString();
  }
  await world.closeAll();
});

test('a claim whose writer failed or died keeps no one back', async () => {
  const { world, nodes, a, b } = await three(withRegister);
  await a.put('k', Buffer.from('1'));
  const commit = (node: SimulatedNode) => {
    const begin = node.store.begin.bind(node.store);
    node.store.begin = () => ({
      ...begin(),
      commit: async () => Promise.reject(new MurkyError('MURKY_DISK_FULL', 'No.')),
    });
    return () => {
      node.store.begin = begin;
    };
  };
  const mend = commit(a);
  assert.is(await codeOf(a.put('k', Buffer.from('2'), { ifMatch: '*' })), 'MURKY_DISK_FULL');
  mend();
  await b.put('k', Buffer.from('3'), { ifMatch: [tagOf('1')] });

  // Dies between the claim and the commit.
  const c = nodes[2]!;
  c.store.begin = () => ({ ...a.store.begin(), commit: () => new Promise(() => {}) });
  put(c.parts, 'k', Buffer.from('4'), { ifMatch: '*' }).catch(() => {});
  await world.time.run(500);
  assert.is(await codeOf(a.put('k', Buffer.from('5'), { ifMatch: [tagOf('3')] })), 'MURKY_BUSY', 'it may still go on');
  await world.kill(3);
  await world.time.run(20_000);
  await a.put('k', Buffer.from('5'), { ifMatch: [tagOf('3')] });
  assert.equal((await b.get('k', { consistency: 'quorum' })).toString(), '5');
  await world.closeAll();
});

test('a claim whose writer died keeps no one back either when its node is back before it counts as away', async () => {
  const world = new World(5);
  const options = { writeTimeoutMs: 2000, ...withRegister(world) };
  const [a, , c] = (await world.startAll(3, options)) as [SimulatedNode, SimulatedNode, SimulatedNode];
  await a.put('k', Buffer.from('1'));
  const begin = a.store.begin.bind(a.store);
  c.store.begin = () => ({ ...begin(), commit: () => new Promise(() => {}) });
  put(c.parts, 'k', Buffer.from('2'), { ifMatch: '*' }).catch(() => {});
  await world.time.run(500);
  await world.kill(3);
  await world.start(3, [1, 2], options);
  await world.time.run(3000);
  await a.put('k', Buffer.from('3'), { ifMatch: [tagOf('1')] });
  await world.closeAll();
});

test('a question after a claim that is meant for another node is refused', async () => {
  const { world, a, b } = await three();
  const question = encodeClaim(b.id ^ 1n, 7n, { time: 8n, node: b.id ^ 1n });
  assert.is(question.toString('hex').slice(16), `00000000000000070000000000000008${idText(b.id ^ 1n)}`);
  assert.is(
    await codeOf(world.time.until(a.rain.request(b.rain.address, RequestKind.Claim, question))),
    'MURKY_BAD_REQUEST',
  );
  await world.closeAll();
});

test('a conditional delete at once with a conditional put: one of them is done', async () => {
  const { world, nodes, a } = await three(withRegister);
  for (let round = 0; round < 10; round++) {
    const value = `${round}`;
    await a.put('k', Buffer.from(value));
    const condition = { ifMatch: [tagOf(value)] };
    const outcomes = await world.time.until(
      Promise.all([
        codeOf(put(nodes[1]!.parts, 'k', Buffer.from('new'), condition)),
        codeOf(remove(nodes[2]!.parts, 'k', condition)),
      ]),
    );
    assert.is(outcomes.filter((outcome) => outcome === 'it did not fail').length, 1, `${outcomes}`);
  }
  await world.closeAll();
});

test.run();
