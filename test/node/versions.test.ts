import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { versionToText } from '../../src/object/version.js';
import { codeOf, LocalCluster } from './local-cluster.js';

test('overwritten and deleted versions are listed and readable for the retention time, over a restart too', async () => {
  const cluster = new LocalCluster();
  let node = await cluster.start('a');
  const values = ['one', 'two', 'three'];
  for (const value of values) await node.put('k', Buffer.from(value));
  await node.delete('k');
  await cluster.stop(node);
  node = await cluster.start('a');
  const versions = await node.versions('k');
  assert.equal(
    versions.map(({ tombstone, size }) => (tombstone ? 'deleted' : size)),
    ['deleted', 5, 3, 3],
  );
  for (const [i, value] of [...values].reverse().entries()) {
    const version = versionToText(versions[i + 1]!.version);
    const chunks: Uint8Array[] = [];
    for await (const chunk of (await node.get('k', { version })).body) chunks.push(chunk);
    assert.is(Buffer.concat(chunks).toString(), value);
  }
  assert.is(await codeOf(node.get('k')), 'MURKY_NOT_FOUND');
  assert.is(await codeOf(node.head('k', { version: versionToText(versions[0]!.version) })), 'MURKY_NOT_FOUND');
  assert.is(await codeOf(node.get('k', { version: '0'.repeat(32) })), 'MURKY_NOT_FOUND');
  assert.is(await codeOf(node.get('k', { version: 'x' })), 'MURKY_BAD_REQUEST');
  assert.equal(await node.versions('nothing'), []);
  await cluster.close();
});

test.run();
