import { Readable } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { MurkyError } from '../../src/errors.js';
import { get } from '../../src/node/get.js';
import { resourceId } from '../../src/object/key.js';
import { codeOf } from '../failure.js';
import { nameOf } from '../simulation/memory-store.js';
import { type SimulatedNode, World } from '../simulation/world.js';

const MIB = 2 ** 20;

function value(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i += 4) bytes.writeUInt32LE((i * 2654435761 + seed) >>> 0, Math.min(i, length - 4));
  return bytes;
}

/** Three owners, and a fourth node that owns nothing. */
async function withReader(options = {}): Promise<{ world: World; owners: SimulatedNode[]; reader: SimulatedNode }> {
  const world = new World();
  const owners = [];
  for (const n of [1, 2, 3]) owners.push(await world.start(n, [1, 2, 3]));
  const reader = await world.start(4, [1, 2, 3], { weight: 0, ...options });
  await world.time.run(3000);
  return { world, owners, reader };
}

const served = (nodes: SimulatedNode[]) => nodes.reduce((sum, node) => sum + node.rain.served, 0);

test('what was read is kept as a cached copy and read from there', async () => {
  const { world, owners, reader } = await withReader();
  const bytes = value(3 * MIB + 5, 1);
  await owners[0]!.put('a', bytes);
  await world.time.run(3000);
  const before = served(owners);
  assert.ok((await reader.get('a')).equals(bytes));
  assert.is(served(owners) - before, 4);
  assert.is(reader.holds(resourceId('a'))?.role, 'cached');
  assert.ok((await reader.get('a')).equals(bytes));
  assert.is(served(owners) - before, 4, 'nothing is fetched again');
  await world.closeAll();
});

test('an overwrite and a delete are seen through a cached copy', async () => {
  const { world, owners, reader } = await withReader();
  await owners[0]!.put('a', value(1000, 1));
  await reader.get('a');
  await owners[1]!.put('a', value(2000, 2));
  assert.ok((await reader.get('a')).equals(value(2000, 2)));
  await owners[2]!.delete('a');
  assert.is(await codeOf(reader.get('a')), 'MURKY_NOT_FOUND');
  assert.is(reader.holds(resourceId('a')), undefined, 'the copy is gone');
  await world.closeAll();
});

test('a cached copy stays until the newer version has been fetched, and for its readers beyond that', async () => {
  const { world, owners, reader } = await withReader();
  const old = value(4 * MIB, 1);
  await owners[0]!.put('a', old);
  await world.time.run(3000);
  await reader.get('a');
  const { body } = await world.time.until(get(reader.parts, reader.downloads, 'a'));
  const chunks: Uint8Array[] = [];
  const read = async () => {
    for await (const chunk of body) {
      chunks.push(chunk);
      if (chunks.length > 1) continue;
      const { manifest } = await owners[0]!.put('a', value(3 * MIB, 2));
      await world.time.run(3000);
      for (const owner of owners) {
        owner.store.endGrace();
        owner.store.damaged.add(`${nameOf(manifest.id, manifest.version)}/0`);
      }
      assert.is.not(await codeOf(reader.get('a')), 'it did not fail');
      assert.ok(reader.holds(resourceId('a')), 'the fetch failed, the copy is still there');
      for (const owner of owners) owner.store.damaged.clear();
      assert.ok((await reader.get('a')).equals(value(3 * MIB, 2)));
    }
  };
  await world.time.until(read());
  assert.ok(Buffer.concat(chunks).equals(old));
  await world.closeAll();
});

test('a cached copy is served while no owner answers', async () => {
  const { world, owners, reader } = await withReader();
  await owners[0]!.put('a', value(1000, 1));
  await reader.get('a');
  world.isolate(4);
  assert.ok((await reader.get('a')).equals(value(1000, 1)));
  await world.time.run(10_000);
  assert.ok((await reader.get('a')).equals(value(1000, 1)));
  assert.is(await codeOf(reader.get('b')), 'MURKY_NO_SERVER', 'what is not here cannot be said to be nowhere');
  await world.closeAll();
});

test('a key that nobody has is not found, also while one of three owners is away', async () => {
  const { world, owners, reader } = await withReader();
  assert.is(await codeOf(reader.get('nothing')), 'MURKY_NOT_FOUND');
  await world.kill(3);
  assert.is(await codeOf(reader.head('nothing')), 'MURKY_NOT_FOUND');
  await world.time.run(10_000);
  assert.is(await codeOf(owners[0]!.get('nothing')), 'MURKY_NOT_FOUND');
  await world.kill(2);
  await world.time.run(10_000);
  assert.is(await codeOf(owners[0]!.get('nothing')), 'MURKY_NO_SERVER');
  assert.is(await codeOf(owners[0]!.delete('nothing')), 'MURKY_NO_QUORUM');
  await world.closeAll();
});

test('a node that is no owner is asked when no owner has it', async () => {
  const world = new World();
  const first = await world.start(1, [2]);
  await first.put('a', value(1000, 1));
  await world.start(2, [1], { replicas: 1 });
  await world.start(3, [1, 2], { replicas: 1, weight: 1e6 });
  await world.time.run(3000);
  assert.ok((await world.nodes.get(3)!.get('a')).equals(value(1000, 1)));
  await world.closeAll();
});

test('a range fetches only the blocks that it needs and keeps nothing', async () => {
  const { world, owners, reader } = await withReader();
  const bytes = value(5 * MIB, 1);
  await owners[0]!.put('a', bytes);
  await world.time.run(3000);
  const before = served(owners);
  const part = await reader.get('a', { start: MIB - 10, end: 2 * MIB + 10 });
  assert.ok(part.equals(bytes.subarray(MIB - 10, 2 * MIB + 10)));
  assert.is(served(owners) - before, 3);
  assert.is(reader.holds(resourceId('a')), undefined);
  assert.ok((await owners[0]!.get('a', { start: 7, end: 9 })).equals(bytes.subarray(7, 9)));
  assert.is((await reader.get('a', { start: 9 * MIB, end: 10 * MIB })).length, 0);
  assert.ok((await reader.get('a', { start: 4 * MIB + 3, end: 99 * MIB })).equals(bytes.subarray(4 * MIB + 3)));
  await world.closeAll();
});

test('the caller can choose by the manifest', async () => {
  const { world, owners } = await withReader();
  await owners[0]!.put('a', value(100, 1));
  const last = await owners[0]!.get('a', { choose: ({ size }) => ({ start: size - 4, end: size }) });
  assert.ok(last.equals(value(100, 1).subarray(96)));
  assert.is((await owners[0]!.get('a', { choose: () => 'none' })).length, 0);
  await world.closeAll();
});

test('readers at the same time share one fetch', async () => {
  const { world, owners, reader } = await withReader();
  const bytes = value(6 * MIB, 1);
  await owners[0]!.put('a', bytes);
  await world.time.run(3000);
  const before = served(owners);
  const all = await Promise.all([reader.get('a'), reader.get('a'), reader.get('a')]);
  for (const read of all) assert.ok(read.equals(bytes));
  assert.is(served(owners) - before, 6);
  await world.closeAll();
});

test('a slow reader slows the fetch, and leaving ends it', async () => {
  const { world, owners, reader } = await withReader();
  await owners[0]!.put('a', value(12 * MIB, 1));
  await world.time.run(3000);
  const before = served(owners);
  const { body } = await world.time.until(get(reader.parts, reader.downloads, 'a'));
  for await (const chunk of body) {
    assert.ok(chunk.length > 0);
    await world.time.run(20_000);
    assert.ok(served(owners) - before <= 2, `${served(owners) - before} blocks were fetched`);
    break;
  }
  await world.time.run(20_000);
  assert.ok(served(owners) - before <= 2);
  assert.is(reader.rain.fetching, 0);
  assert.is(reader.holds(resourceId('a')), undefined, 'half an object is not kept');
  await world.closeAll();
});

test('a stream made of a body ends the fetch when it is destroyed before its first read', async () => {
  const { world, owners, reader } = await withReader();
  await owners[0]!.put('a', value(3 * MIB, 1));
  await world.time.run(3000);
  const { body } = await world.time.until(get(reader.parts, reader.downloads, 'a'));
  const stream = Readable.from(body);
  assert.is(reader.rain.fetching, 1);
  stream.destroy();
  await world.time.run(61_000);
  assert.is(reader.rain.fetching, 0);
  await world.closeAll();
});

test('a body that is never read is given up', async () => {
  const { world, owners, reader } = await withReader();
  await owners[0]!.put('a', value(3 * MIB, 1));
  await world.time.run(3000);
  const { body } = await world.time.until(get(reader.parts, reader.downloads, 'a'));
  assert.is(reader.rain.fetching, 1);
  await world.time.run(61_000);
  assert.is(reader.rain.fetching, 0);
  assert.throws(
    () => body[Symbol.asyncIterator](),
    (error: MurkyError) => error.code === 'MURKY_CLOSED',
  );
  await world.closeAll();
});

test('an abort ends a read with its reason', async () => {
  const { world, owners, reader } = await withReader();
  await owners[0]!.put('a', value(3 * MIB, 1));
  await world.time.run(3000);
  const cut = new AbortController();
  const { body } = await world.time.until(get(reader.parts, reader.downloads, 'a', { signal: cut.signal }));
  const reason = new Error('enough');
  const read = async () => {
    for await (const _ of body) cut.abort(reason);
  };
  const failed = await world.time.until(read().catch((error) => error));
  assert.is(failed, reason);
  await world.time.run(1000);
  assert.is(reader.rain.fetching, 0);
  await world.closeAll();
});

test('overwritten between the search and the first byte: the newer version is read, not a mix', async () => {
  const { world, owners, reader } = await withReader();
  await owners[0]!.put('a', value(3 * MIB, 1));
  await world.time.run(3000);
  let chosen = 0;
  const options = {
    choose: ({ size }: { size: number }) => {
      chosen += 1;
      if (chosen === 1) {
        // The owners hold the second version, and no longer the first, by the time that the first block is asked for.
        for (const owner of owners) {
          const next = [...owner.store.disk.readable.values()].find(({ manifest }) => manifest.key === 'b')!;
          const manifest = { ...next.manifest, key: 'a', id: resourceId('a') };
          owner.store.disk.current.set(manifest.id, { manifest, role: 'replica' });
          owner.store.disk.readable.set(nameOf(manifest.id, manifest.version), { manifest, blocks: next.blocks });
          owner.store.endGrace();
        }
      }
      return { start: 0, end: size };
    },
  };
  await owners[0]!.put('b', value(2 * MIB, 2));
  await world.time.run(3000);
  assert.ok((await reader.get('a', options)).equals(value(2 * MIB, 2)));
  assert.is(chosen, 2);
  await world.closeAll();
});

test('overwritten in the midst of a fetch: the old version to its end while it is kept, else a clean error', async () => {
  for (const kept of [true, false]) {
    const { world, owners, reader } = await withReader();
    const old = value(4 * MIB, 1);
    await owners[0]!.put('a', old);
    await world.time.run(3000);
    const { body } = await world.time.until(get(reader.parts, reader.downloads, 'a'));
    const chunks: Uint8Array[] = [];
    const read = async () => {
      for await (const chunk of body) {
        chunks.push(chunk);
        if (chunks.length > 1) continue;
        await owners[0]!.put('a', value(4 * MIB, 2));
        await world.time.run(3000);
        if (!kept) for (const owner of owners) owner.store.endGrace();
      }
    };
    const outcome = await codeOf(world.time.until(read()));
    const bytes = Buffer.concat(chunks);
    assert.ok(bytes.equals(old.subarray(0, bytes.length)), 'only bytes of the old version');
    if (kept) assert.is(bytes.length, old.length);
    else assert.is(outcome, 'MURKY_SUPERSEDED');
    await world.closeAll();
  }
});

test('overwritten while it is read from the own store: the old version or a clean error', async () => {
  for (const kept of [true, false]) {
    const world = new World();
    const node = await world.start(1, []);
    const old = value(4 * MIB, 1);
    await node.put('a', old);
    const { body } = await world.time.until(get(node.parts, node.downloads, 'a'));
    const chunks: Uint8Array[] = [];
    const read = async () => {
      for await (const chunk of body) {
        chunks.push(chunk);
        if (chunks.length > 1) continue;
        await node.put('a', value(4 * MIB, 2));
        if (!kept) node.store.endGrace();
      }
    };
    const outcome = await codeOf(world.time.until(read()));
    assert.ok(Buffer.concat(chunks).equals(old.subarray(0, Buffer.concat(chunks).length)));
    assert.is(outcome, kept ? 'it did not fail' : 'MURKY_SUPERSEDED');
    await world.closeAll();
  }
});

test('a damaged block here is fetched from another node for the reader, and mended', async () => {
  const { world, owners } = await withReader();
  const bytes = value(3 * MIB, 1);
  const { manifest } = await owners[0]!.put('a', bytes);
  await world.time.run(3000);
  const damage = () => owners[0]!.store.damaged.add(`${nameOf(manifest.id, manifest.version)}/1`);
  damage();
  assert.ok((await owners[0]!.get('a')).equals(bytes));
  world.isolate(1);
  assert.ok((await owners[0]!.get('a')).equals(bytes), 'it was mended here');
  damage();
  assert.is(await codeOf(owners[0]!.get('a')), 'MURKY_BLOCK_CORRUPT');
  await world.closeAll();
});

test('a full store does not disturb the reading', async () => {
  const { world, owners, reader } = await withReader();
  const bytes = value(4 * MIB, 1);
  await owners[0]!.put('a', bytes);
  await world.time.run(3000);
  reader.store.maxBytes = 2 * MIB;
  const [one, two] = await Promise.all([reader.get('a'), reader.get('a')]);
  assert.ok(one.equals(bytes));
  assert.ok(two.equals(bytes));
  assert.is(reader.holds(resourceId('a')), undefined);
  await world.closeAll();
});

test('with share-content a cached copy serves others, without it does not', async () => {
  for (const shareContent of [true, false]) {
    const { world, owners, reader } = await withReader({ shareContent });
    const late = await world.start(5, [4], { weight: 0 });
    await owners[0]!.put('a', value(1000, 1));
    await reader.get('a');
    await world.time.run(8000);
    for (const n of [1, 2, 3]) await world.kill(n);
    const answer = await codeOf(late.get('a'));
    assert.is(answer, shareContent ? 'it did not fail' : 'MURKY_NO_SERVER');
    await world.closeAll();
  }
});

test('an empty object is fetched, kept and read', async () => {
  const { world, owners, reader } = await withReader();
  await owners[0]!.put('empty', Buffer.alloc(0), { metadata: { 'content-type': 'text/plain' } });
  assert.is((await reader.get('empty')).length, 0);
  assert.is((await reader.head('empty')).metadata['content-type'], 'text/plain');
  assert.is(reader.holds(resourceId('empty'))?.role, 'cached');
  await world.closeAll();
});

test.run();
