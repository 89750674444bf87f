import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { versionToText } from '../../src/index.js';
import { MurkyNode } from '../../src/node/murky-node.js';
import { codeOf } from '../failure.js';
import { eventually, LocalCluster } from './local-cluster.js';

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

test('of puts at once at three real nodes all versions are listed and readable at each of them', async () => {
  const cluster = new LocalCluster();
  try {
    const nodes = await cluster.startAll(['a', 'b', 'c']);
    const values = nodes.map((_, i) => Buffer.alloc(1_300_000, i + 1));
    const results = await Promise.all(nodes.map((node, i) => node.put('k', values[i]!)));
    const written = results.map(({ manifest }) => versionToText(manifest.version));
    for (const node of nodes) {
      const listed = async () => (await node.versions('k')).map(({ version }) => versionToText(version));
      await eventually('all versions are there', async () => (await listed()).length === 3);
      assert.equal(await listed(), [...written].sort().reverse());
      for (const [i, version] of written.entries()) {
        const chunks: Uint8Array[] = [];
        for await (const chunk of (await node.get('k', { version })).body) chunks.push(chunk);
        assert.ok(Buffer.concat(chunks).equals(values[i]!));
      }
    }
  } finally {
    await cluster.close();
  }
});

test('a node that keeps more deletions than it may without a word warns of them', async () => {
  const cluster = new LocalCluster();
  const config = cluster.config('a');
  const node = await MurkyNode.start({ ...config, versions: { ...config.versions, tombstonesWarningCount: 1 } });
  try {
    for (const key of ['a', 'b']) {
      assert.equal((await node.status()).cluster.warnings, []);
      await node.put(key, Buffer.from('x'));
      await node.delete(key);
    }
    const said = ['This node keeps 2 deletions, which stay for good; versions.tombstones-warning-count is 1.'];
    assert.equal((await node.status()).cluster.warnings, said);
    assert.equal((await node.cluster()).warnings, said);
    await node.put('a', Buffer.from('y'));
    assert.equal((await node.status()).cluster.warnings, []);
  } finally {
    await node.close();
    await cluster.close();
  }
});

test.run();
