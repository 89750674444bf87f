import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MurkyError } from '../../src/errors.js';
import { type SimulatedNode, World } from '../simulation/world.js';

const idText = ({ id }: SimulatedNode) => id.toString(16).padStart(16, '0');
const stateAt = (node: SimulatedNode, other: SimulatedNode) =>
  node.cluster.peers().find(({ id }) => id === idText(other))?.state;

/** Its disk takes no note any more, until the returned function is called. */
function fill({ store: { facts } }: SimulatedNode): () => void {
  const { put } = facts;
  facts.put = async () => {
    throw new MurkyError('MURKY_DISK_FULL', 'The disk that holds /data is full.');
  };
  return () => {
    facts.put = put;
  };
}

async function failureOf(world: World, node: SimulatedNode): Promise<MurkyError> {
  const failed = await world.time.until(node.cluster.membership.leave().catch((error: unknown) => error));
  assert.instance(failed, MurkyError);
  return failed as MurkyError;
}

test('while no other disk takes the goodbye the drain says so, and ends as soon as one does', async () => {
  const world = new World();
  const nodes = await world.startAll(4);
  const [one, two, three, leaving] = nodes as [SimulatedNode, SimulatedNode, SimulatedNode, SimulatedNode];
  const others = [one, two, three];
  const believed: string[] = [];
  for (const { cluster } of others) cluster.membership.on(({ kind }) => void believed.push(kind));
  const [, free] = others.map(fill);
  await world.time.until(leaving.cluster.drain.begin());
  await world.time.run(5000);
  const { state, objectsLeft, heldUp } = leaving.cluster.drain.status();
  assert.equal([state, objectsLeft, heldUp?.code], ['draining', 0, 'MURKY_DISK_FULL']);
  assert.match(
    heldUp!.detail,
    /^No other node could note .*; 10\.0\.0\.\d:1980 says: The disk that holds .* is full\.$/,
  );
  assert.match(heldUp!.hint ?? '', /freeing space/);
  const told = leaving.sentences.filter((sentence) => sentence.includes('could note'));
  assert.ok(told.length >= 1 && told.length <= 3, 'said once for each that says something else');
  await world.time.run(60_000);
  for (const node of others) assert.is(stateAt(node, leaving), 'alive');
  assert.not.ok(believed.includes('left'), 'a goodbye that is not noted is not believed');
  free!();
  await world.time.run(10_000);
  assert.equal(leaving.cluster.drain.status(), { state: 'drained', objectsLeft: 0, heldUp: null });
  await world.kill(4);
  await world.kill(2);
  const again = await world.start(2, [1, 2, 3, 4]);
  await world.time.run(10_000);
  for (const node of [one, again, three]) assert.is(stateAt(node, leaving), 'left');
  await world.closeAll();
});

test('the drain of a node that nobody hears says so, and a cancelled one says nothing', async () => {
  const world = new World();
  const [, , leaving] = await world.startAll(3);
  world.isolate(3);
  await world.time.until(leaving!.cluster.drain.begin());
  await world.time.run(20_000);
  const { heldUp } = leaving!.cluster.drain.status();
  assert.is(heldUp?.code, 'MURKY_NODE_UNREACHABLE');
  assert.match(heldUp!.detail, /^No other node has heard yet that this one leaves\.$/);
  const off = { state: 'off', objectsLeft: null, heldUp: null };
  assert.equal(await world.time.until(leaving!.cluster.drain.cancel()), off);
  await world.time.run(5000);
  assert.equal(leaving!.cluster.drain.status(), off);
  await world.closeAll();
});

test('a goodbye ends within two seconds, heard or not', async () => {
  const world = new World();
  const nodes = await world.startAll(3);
  const clock = world.time.clock();
  world.net.cut = ({ host: from }, { host: to }) => from === '10.0.0.1' || to === '10.0.0.1';
  const free = fill(nodes[1]!);
  const startedMs = clock.monotonic();
  const failed = await failureOf(world, nodes[2]!);
  assert.is(failed.code, 'MURKY_DISK_FULL', 'who answers says more than who does not');
  assert.ok(clock.monotonic() - startedMs <= 2000);
  free();
  await world.time.until(nodes[2]!.cluster.membership.leave());
  await world.closeAll();
});

test('the one node that has room is asked, however many there are', async () => {
  const world = new World();
  const nodes = await world.startAll(12);
  await world.time.run(5000);
  const leaving = nodes[11]!;
  const asked = leaving.cluster.membership.members().map(({ id }) => nodes.find((node) => node.id === id)!);
  for (const node of asked.slice(0, 10)) fill(node);
  await world.time.until(leaving.cluster.drain.begin());
  await world.time.run(15_000);
  assert.is(leaving.cluster.drain.status().state, 'drained');
  await world.closeAll();
});

test.run();
