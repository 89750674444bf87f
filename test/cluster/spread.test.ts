import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { World } from '../simulation/world.js';

test('what is put on one node can be read on all', async () => {
  const world = new World();
  const nodes = await world.startAll(3);
  const value = Buffer.alloc(2 ** 20 + 17, 'x');
  const written = await nodes[0]!.put('a', value);
  assert.equal([written.owners, written.quorum], [3, 2]);
  for (const node of nodes) assert.ok((await node.get('a')).equals(value));
  await world.time.run(2000);
  for (const node of nodes) assert.is(node.holds(written.manifest.id)?.role, 'replica');
  await world.closeAll();
});

test.run();
