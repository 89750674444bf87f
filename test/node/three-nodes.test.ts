import { randomBytes } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LocalCluster, readAll } from './local-cluster.js';

test('put on one node, read on the others', async () => {
  const cluster = new LocalCluster();
  const [a, b, c] = await cluster.startAll(['a', 'b', 'c']);
  const bytes = randomBytes(3 * 2 ** 20 + 7);
  const written = await a!.put('photo', bytes, { metadata: { 'content-type': 'image/jpeg' } });
  assert.equal([written.owners, written.quorum], [3, 2]);
  assert.ok(written.durable >= 2);
  for (const node of [b!, c!]) {
    assert.ok((await readAll(node, 'photo')).equals(bytes));
    assert.is((await node.head('photo')).metadata['content-type'], 'image/jpeg');
  }
  await cluster.close();
});

test.run();
