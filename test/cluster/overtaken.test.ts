import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeAnswer, encodePropagate } from '../../src/cluster/propagate-message.js';
import { remove } from '../../src/node/delete.js';
import { put } from '../../src/node/put.js';
import { resourceId } from '../../src/object/key.js';
import { compareVersions, versionToText } from '../../src/object/version.js';
import { RequestKind } from '../../src/rain/contract.js';
import { nameOf } from '../simulation/memory-store.js';
import { World } from '../simulation/world.js';

const id = resourceId('k');
const value = (byte: number, length = 3000) => Buffer.alloc(length, byte);

test('of puts at once every owner keeps those that lost, listed and readable, too', async () => {
  for (const seed of [1, 2, 3, 4]) {
    const world = new World(seed);
    const nodes = await world.startAll(3);
    const values = nodes.map((_, i) => value(i + 1, seed === 4 ? 3 * 2 ** 20 : 3000));
    const results = await world.time.until(Promise.all(nodes.map((node, i) => put(node.parts, 'k', values[i]!))));
    await world.time.run(5000);
    const written = results.map(({ manifest }, i) => ({ version: manifest.version, bytes: values[i]! }));
    written.sort((a, b) => compareVersions(b.version, a.version));
    for (const node of nodes) {
      const listed = await node.store.history(id);
      assert.equal(
        listed.map(({ version }) => versionToText(version)),
        written.map(({ version }) => versionToText(version)),
        `seed ${seed}, node ${node.n}`,
      );
      for (const { version, bytes } of written) {
        assert.ok((await node.get('k', { version: versionToText(version) })).equals(bytes));
      }
      assert.ok((await node.get('k')).equals(written[0]!.bytes), 'the newest is what is read');
    }
    await world.closeAll();
  }
});

test('an owner holds a version that lost durably before it counts as confirmed', async () => {
  const world = new World(2);
  const nodes = await world.startAll(3);
  const values = nodes.map((_, i) => value(i + 1));
  const writes = nodes.map(async (node, i) => {
    const { manifest, durable } = await put(node.parts, 'k', values[i]!);
    const held = nodes.filter(({ store }) => store.disk.readable.has(`${id}/${versionToText(manifest.version)}`));
    assert.ok(held.length >= durable, `${durable} are said to hold it, and ${held.length} do`);
  });
  await world.time.until(Promise.all(writes));
  await world.closeAll();
});

test('a put that loses against a delete is kept, and the other way round', async () => {
  const world = new World(5);
  const nodes = await world.startAll(3);
  await nodes[0]!.put('k', value(1));
  await world.time.run(10_000);
  const [{ manifest: stored }, { manifest: deleted }] = await world.time.until(
    Promise.all([put(nodes[1]!.parts, 'k', value(2)), remove(nodes[2]!.parts, 'k')]),
  );
  await world.time.run(5000);
  for (const node of nodes) {
    const listed = (await node.store.history(id)).map(({ version }) => versionToText(version));
    for (const { version } of [stored, deleted]) assert.ok(listed.includes(versionToText(version)), `node ${node.n}`);
    assert.is(listed.length, 3);
  }
  await world.closeAll();
});

for (const [hours, kept] of [
  [0.5, 2],
  [2, 1],
] as const) {
  test(`with a retention of an hour, what lost and was written ${hours} hours ago leaves ${kept} versions`, async () => {
    const world = new World();
    const [a, b] = await world.startAll(2, { retentionHours: 1 });
    const { manifest } = await a!.put('k', value(1));
    await world.time.run(5000);
    const time = BigInt(Math.floor(a!.parts.clock.now() - hours * 3_600_000)) << 16n;
    const lost = { ...manifest, version: { time, node: a!.id } };
    const blocks = a!.store.disk.readable.get(nameOf(id, manifest.version))!.blocks;
    a!.store.disk.readable.set(nameOf(id, lost.version), { manifest: lost, blocks });
    const ask = () => a!.rain.request(b!.rain.address, RequestKind.Propagate, encodePropagate(b!.id, lost, []));
    assert.is(decodeAnswer(await world.time.until(ask())).kind, 'newer');
    assert.is((await b!.store.history(id)).length, kept);
    await world.closeAll();
  });
}

test.run();
