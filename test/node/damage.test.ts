import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resourceId } from '../../src/object/key.js';
import { sha256 } from '../../src/object/manifest.js';
import { HEADER_BYTES } from '../../src/store/block-record.js';
import { codeOf } from '../failure.js';
import { World } from '../simulation/world.js';
import { changeSegment, rawIndex, segments } from '../store/beds.js';
import { eventually, LocalCluster, readAll } from './local-cluster.js';

const id = resourceId('a');

test('what is damaged here and held nowhere else is told by a read, and healed by a put or a delete', async () => {
  const world = new World();
  const node = await world.start(1, []);
  await node.put('a', Buffer.from('old'));
  node.store.damagedRecords.add(id);
  assert.is(await codeOf(node.get('a')), 'MURKY_BLOCK_CORRUPT');
  const { replaced } = await node.put('a', Buffer.from('new'));
  assert.is(replaced, false);
  assert.is((await node.get('a')).toString(), 'new');
  node.store.damagedRecords.add(id);
  await node.delete('a');
  assert.is(await codeOf(node.get('a')), 'MURKY_NOT_FOUND');
  await world.closeAll();
});

test('an owner with a damaged record reads from the others, and has a replica again', async () => {
  const world = new World();
  const [a, b] = await world.startAll(3);
  await a!.put('a', Buffer.from('value'));
  await world.time.run(3000);
  b!.store.damagedRecords.add(id);
  assert.is((await b!.get('a')).toString(), 'value');
  assert.equal(b!.holds(id), { role: 'replica', tombstone: false });
  assert.is(b!.store.damagedRecords.size, 0);
  await world.closeAll();
});

test('a write from another node heals a damaged record at an owner', async () => {
  const world = new World();
  const [a, b, c] = await world.startAll(3);
  await a!.put('a', Buffer.from('old'));
  await world.time.run(3000);
  for (const owner of [b!, c!]) owner.store.damagedRecords.add(id);
  const { durable, quorum } = await a!.put('a', Buffer.from('new'));
  assert.ok(durable >= quorum);
  await world.time.run(3000);
  for (const owner of [b!, c!]) {
    assert.is(owner.store.damagedRecords.size, 0);
    assert.is((await owner.get('a')).toString(), 'new');
  }
  await world.closeAll();
});

for (const [what, prefix] of [
  ['record', 'r'],
  ['manifest', 'm'],
] as const) {
  test(`a real node whose ${what} is damaged gets the object back from another one`, async () => {
    const cluster = new LocalCluster();
    try {
      const [a, b] = await cluster.startAll(['a', 'b'], { writeQuorum: 2 });
      await a!.put('a', Buffer.from('value'));
      const { port } = cluster.addressOf(b!);
      await cluster.stop(b!);
      await rawIndex(join(cluster.folder, 'b', 'data'), async (db) => {
        for (const [key, bytes] of await db.iterator().all()) {
          if (key.toString('latin1').startsWith(prefix)) await db.put(key, Buffer.from(bytes).fill(0x55, 40, 50));
        }
      });
      const back = await cluster.start('b', { listed: [a!], port, writeQuorum: 2 });
      await cluster.knows(back, 1);
      assert.is((await readAll(back, 'a')).toString(), 'value');
      await cluster.stop(a!);
      assert.is((await readAll(back, 'a')).toString(), 'value', 'from its own store');
    } finally {
      await cluster.close();
    }
  });
}

test('the scrub has a damaged manifest of a real node repaired from the others, though nobody reads it', async () => {
  const cluster = new LocalCluster();
  try {
    const [a, b] = await cluster.startAll(['a', 'b'], { writeQuorum: 2 });
    const values = { a: Buffer.from('value'), b: Buffer.alloc(2 ** 20 + 5, 'mud'), c: Buffer.from('sound') };
    for (const [key, value] of Object.entries(values)) await a!.put(key, value);
    const { port } = cluster.addressOf(b!);
    await cluster.stop(b!);
    await rawIndex(join(cluster.folder, 'b', 'data'), async (db) => {
      for (const [key, bytes] of await db.iterator().all()) {
        const manifest = key.toString('latin1').startsWith('m');
        if (manifest && !bytes.includes(sha256(values.c))) {
          await db.put(key, Buffer.from(bytes).fill(0x55, 40, 50));
        }
      }
    });
    const back = await cluster.start('b', { listed: [a!], port, writeQuorum: 2, scrubBytesPerSecond: 2 ** 30 });
    await eventually('both are repaired', async () => (await back.status()).repair.repairedObjects === 2);
    assert.is((await back.status()).scrub.damagedBlocks, 2);
    await cluster.stop(a!);
    for (const [key, value] of Object.entries(values)) assert.ok((await readAll(back, key)).equals(value), key);
  } finally {
    await cluster.close();
  }
});

for (const way of ['a read', 'the scrub'] as const) {
  test(`${way} mends a damaged block of a real node from another one`, async () => {
    const cluster = new LocalCluster();
    try {
      const [a, b] = await cluster.startAll(['a', 'b'], { writeQuorum: 2 });
      const value = Buffer.alloc(2 ** 20 + 70_000, 'mud');
      await a!.put('a', value);
      const { port } = cluster.addressOf(b!);
      await cluster.stop(b!);
      const data = join(cluster.folder, 'b', 'data');
      assert.equal(Object.keys(await segments(data)), ['00000001.log']);
      await changeSegment(data, '00000001.log', (bytes) => {
        for (const record of [0, HEADER_BYTES + 2 ** 20]) bytes.fill(0x55, record + 40, record + 50);
        return bytes;
      });
      const scrubBytesPerSecond = way === 'a read' ? 0 : 2 ** 30;
      const back = await cluster.start('b', { listed: [a!], port, writeQuorum: 2, scrubBytesPerSecond });
      await cluster.knows(back, 1);
      if (way === 'a read') assert.ok((await readAll(back, 'a')).equals(value));
      else await eventually('both blocks are mended', async () => (await back.status()).scrub.mendedBlocks === 2);
      await cluster.stop(a!);
      assert.ok((await readAll(back, 'a')).equals(value), 'from its own store');
    } finally {
      await cluster.close();
    }
  });
}

test.run();
