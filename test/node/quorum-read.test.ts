import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MurkyError } from '../../src/errors.js';
import { resourceId } from '../../src/object/key.js';
import { RequestKind } from '../../src/rain/contract.js';
import { codeOf } from '../failure.js';
import { type SimulatedNode, World } from '../simulation/world.js';

const value = (byte: number, length = 3000) => Buffer.alloc(length, byte);
const quorum = { consistency: 'quorum' } as const;

/** How many PROPAGATE requests a node sends while `work` runs. */
async function propagations(node: SimulatedNode, work: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const request = node.rain.request.bind(node.rain);
  node.rain.request = (to, kind, payload, options) => {
    if (kind === RequestKind.Propagate) count += 1;
    return request(to, kind, payload, options);
  };
  await work();
  node.rain.request = request;
  return count;
}

/** Three owners; the third has missed the second put and knows nothing of it. */
async function withStaleOwner() {
  const world = new World(2);
  const [a, b, c] = await world.startAll(3);
  await a!.put('k', value(1));
  await world.time.run(2000);
  world.isolate(3);
  await a!.put('k', value(2));
  world.heal();
  return { world, a: a!, b: b!, c: c! };
}

test('an owner that missed a write reads its old version, and the new one with a quorum', async () => {
  const { world, c } = await withStaleOwner();
  assert.ok((await c.get('k')).equals(value(1)));
  assert.ok((await c.get('k', quorum)).equals(value(2)));
  const { version } = await c.head('k', quorum);
  assert.equal(version, c.store.disk.current.get(resourceId('k'))!.manifest.version);
  await world.closeAll();
});

test('what a majority holds already is brought nowhere', async () => {
  const { world, a, b } = await withStaleOwner();
  world.isolate(3);
  await world.time.run(10_000);
  assert.is(await propagations(b, () => b.get('k', quorum)), 0);
  assert.is(await propagations(a, () => a.head('k', quorum)), 0);
  await world.closeAll();
});

/** A put that reached its writer, node 1, and no one else. */
async function withHalfWritten(action: (writer: SimulatedNode) => Promise<unknown>) {
  const world = new World(3);
  const nodes = await world.startAll(3, { writeTimeoutMs: 1000 });
  await nodes[1]!.put('k', value(1));
  await world.time.run(2000);
  const { request } = nodes[0]!.rain;
  nodes[0]!.rain.request = (to, kind, payload, options) =>
    kind === RequestKind.Propagate
      ? Promise.reject(new MurkyError('MURKY_TIMEOUT', 'Not let through.'))
      : request.call(nodes[0]!.rain, to, kind, payload, options);
  assert.is(await codeOf(action(nodes[0]!)), 'MURKY_NO_QUORUM');
  return { world, nodes };
}

test('what a quorum read has returned is found by every later one, also without the node it came from', async () => {
  const { world, nodes } = await withHalfWritten((writer) => writer.put('k', value(2)));
  world.isolate(3); // 1 and 2 answer
  const seen = await nodes[1]!.get('k', quorum);
  assert.ok(seen.equals(value(2)));
  world.isolate(1); // 2 and 3 answer
  assert.ok((await nodes[2]!.get('k', quorum)).equals(seen));
  await world.closeAll();
});

test('a deletion that a quorum read has seen stays, also without the node it came from', async () => {
  for (const look of [(node: SimulatedNode) => node.get('k', quorum), (node: SimulatedNode) => node.delete('k')]) {
    const { world, nodes } = await withHalfWritten((writer) => writer.delete('k'));
    world.isolate(3);
    assert.is(await codeOf(look(nodes[1]!)), 'MURKY_NOT_FOUND');
    world.isolate(1);
    assert.is(await codeOf(nodes[2]!.get('k', quorum)), 'MURKY_NOT_FOUND');
    await world.closeAll();
  }
});

test('without a majority of the owners a quorum read fails, and another one does not', async () => {
  const world = new World();
  const [a, b, c] = await world.startAll(3);
  await a!.put('k', value(1));
  await world.time.run(2000);
  world.isolate(3);
  for (const wait of [0, 20_000]) {
    await world.time.run(wait);
    assert.is(await codeOf(c!.get('k', quorum)), 'MURKY_NO_QUORUM');
    assert.is(await codeOf(c!.head('k', quorum)), 'MURKY_NO_QUORUM');
    assert.ok((await c!.get('k')).equals(value(1)));
    assert.ok((await b!.get('k', quorum)).equals(value(1)));
  }
  await world.closeAll();
});

test('a node that is no owner reads at the quorum, and brings what it found to a majority', async () => {
  const world = new World();
  for (const n of [1, 2, 3]) await world.start(n, [1, 2, 3, 4], { writeTimeoutMs: 1000 });
  const edge = await world.start(4, [1, 2, 3], { weight: 0 });
  await world.time.run(3000);
  assert.is(await codeOf(edge.get('k', quorum)), 'MURKY_NOT_FOUND');
  const body = value(3, 3 * 2 ** 20);
  await world.nodes.get(1)!.put('k', body, { metadata: { note: 'n'.repeat(4000) } }); // the manifest fits no answer
  await world.time.run(2000);
  assert.ok((await edge.get('k', quorum)).equals(body));
  assert.ok((await edge.get('k', { ...quorum, start: 2 ** 20 - 1, end: 2 ** 20 + 1 })).equals(value(3, 2)));
  await world.closeAll();
});

test('a damaged record does not count as an answer', async () => {
  const world = new World();
  const [a, b, c] = await world.startAll(3);
  await a!.put('k', value(1));
  await world.time.run(2000);
  b!.store.damagedRecords.add(resourceId('k'));
  assert.ok((await b!.get('k', quorum)).equals(value(1)));
  b!.store.damagedRecords.add(resourceId('k'));
  c!.store.damagedRecords.add(resourceId('k'));
  assert.is(await codeOf(a!.get('k', quorum)), 'MURKY_NO_QUORUM');
  await a!.put('k', value(2)); // what is damaged can be written anew
  await world.time.run(5000);
  assert.ok((await c!.get('k', quorum)).equals(value(2)));
  await world.closeAll();
});

test.run();
