import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resourceId } from '../../src/object/key.js';
import { type NodeOptions, type SimulatedNode, World } from '../simulation/world.js';

const id = resourceId('k');
const value = (byte: number) => Buffer.alloc(3000, byte);
/** Nothing but a read finds what is missing. */
const NO_COMPARISON: NodeOptions = { repair: { bytesPerSecond: 1e9, concurrent: 4, compareMinutes: 6000 } };

/** Three owners, a node that is none, and what the third owner forgets of what is written between. */
async function withOwnerBehind(
  write: (a: SimulatedNode) => Promise<unknown>,
  before: (a: SimulatedNode) => Promise<unknown>,
) {
  const world = new World();
  for (const n of [1, 2, 3]) await world.start(n, [1, 2, 3], NO_COMPARISON);
  const edge = await world.start(4, [1, 2, 3], { ...NO_COMPARISON, weight: 0 });
  await world.time.run(10_000);
  const [a, , c] = [...world.nodes.values()];
  await before(a!);
  await world.time.run(10_000);
  const had = c!.store.disk.current.get(id);
  await write(a!);
  await world.time.run(10_000);
  if (had) c!.store.disk.current.set(id, had);
  else c!.store.disk.current.delete(id);
  return { world, a: a!, c: c!, edge };
}

const reads: readonly [string, (reader: SimulatedNode) => Promise<unknown>][] = [
  ['a get', (reader) => reader.get('k')],
  ['a get of a part', (reader) => reader.get('k', { start: 10, end: 20 })],
  ['a head', (reader) => reader.head('k')],
  ['a head at the quorum', (reader) => reader.head('k', { consistency: 'quorum' })],
];
const forgets: readonly [string, (a: SimulatedNode) => Promise<unknown>, (a: SimulatedNode) => Promise<unknown>][] = [
  ['has nothing', (a) => a.put('k', value(2)), async () => {}],
  ['has an older value', (a) => a.put('k', value(2)), (a) => a.put('k', value(1))],
  ['has a value that was deleted', (a) => a.delete('k'), (a) => a.put('k', value(1))],
];

for (const [what, read] of reads) {
  for (const [state, write, before] of forgets) {
    test(`${what} at a node that is no owner repairs an owner that ${state}`, async () => {
      const { world, a, c, edge } = await withOwnerBehind(write, before);
      // An owner that answers late may not be among those that a quorum needs.
      for (let turn = 0; turn < 4; turn++) await read(edge).catch(() => {});
      await world.time.run(5000);
      const newest = a.store.disk.current.get(id)!;
      assert.equal(c.store.disk.current.get(id)?.manifest.version, newest.manifest.version);
      assert.equal(c.holds(id), { role: 'replica', tombstone: newest.manifest.tombstone });
      for (const node of world.nodes.values()) assert.is(node.cluster.repair().queued, 0, `node ${node.n}`);
      await world.closeAll();
    });
  }
}

test('an owner that finds itself behind in a quorum read is repaired by it, though no byte is read', async () => {
  const { world, a, c } = await withOwnerBehind(
    (a) => a.put('k', value(2)),
    (a) => a.put('k', value(1)),
  );
  await c.head('k', { consistency: 'quorum' });
  await world.time.run(5000);
  assert.equal(c.holds(id), { role: 'replica', tombstone: false });
  assert.equal(c.store.disk.current.get(id)?.manifest.version, a.store.disk.current.get(id)?.manifest.version);
  await world.closeAll();
});

test.run();
