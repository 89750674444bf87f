import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MurkyError } from '../../src/errors.js';
import { cutBlocks } from '../../src/node/cut.js';
import { resourceId } from '../../src/object/key.js';
import { sha256 } from '../../src/object/manifest.js';
import { World } from '../simulation/world.js';

const MIB = 2 ** 20;

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'it did not fail',
    (error) => (error instanceof MurkyError ? error.code : error),
  );
}

async function* chunks(sizes: number[]): AsyncGenerator<Uint8Array> {
  for (const [i, size] of sizes.entries()) yield Buffer.alloc(size, i + 1);
}

async function alone() {
  const world = new World();
  return { world, node: await world.start(1, []) };
}

test('however a body comes in, it is cut at the same places', async () => {
  const whole = Buffer.alloc(25, 'abcdefg');
  async function* odd() {
    for (let at = 0, step = 0; at < whole.length; at += step, step = (step % 7) + 1)
      yield whole.subarray(at, at + step);
  }
  for (const body of [whole, odd()]) {
    const blocks = [];
    for await (const block of cutBlocks(body, 8)) blocks.push(Buffer.from(block).toString());
    assert.equal(
      blocks,
      [0, 8, 16, 24].map((at) => whole.subarray(at, at + 8).toString()),
    );
  }
});

test('a stream becomes the same object as the whole', async () => {
  const { world, node } = await alone();
  const sizes = [1, 700_000, MIB, 3, 2 * MIB + 1];
  const { manifest } = await node.put('a', chunks(sizes), { metadata: { b: '2', a: '1' } });
  const bytes = Buffer.concat(sizes.map((size, i) => Buffer.alloc(size, i + 1)));
  assert.is(manifest.size, bytes.length);
  assert.equal(Buffer.from(manifest.sha256), sha256(bytes));
  assert.is(manifest.blockHashes.length, 4);
  assert.equal(Object.keys(manifest.metadata), ['a', 'b']);
  assert.ok((await node.get('a')).equals(bytes));
  await world.closeAll();
});

test('a body that breaks off, or has another length than was said, leaves nothing', async () => {
  const { world, node } = await alone();
  const broken = new Error('the client has gone');
  async function* breaking() {
    yield Buffer.alloc(2 * MIB);
    throw broken;
  }
  assert.is(await failure(node.put('a', breaking())), broken);
  assert.is(await failure(node.put('a', chunks([10]), { length: 11 })), 'MURKY_BAD_REQUEST');
  assert.is(await failure(node.put('a', chunks([10]), { length: 9 })), 'MURKY_BAD_REQUEST');
  assert.is(await failure(node.put('a', Buffer.alloc(1), { length: 2 ** 50 })), 'MURKY_TOO_LARGE');
  assert.is(await failure(node.put('', Buffer.alloc(1))), 'MURKY_BAD_KEY');
  const metadata = { x: 'y'.repeat(9000) };
  assert.is(await failure(node.put('a', Buffer.alloc(1), { metadata })), 'MURKY_BAD_REQUEST');
  assert.is(node.holds(resourceId('a')), undefined);
  await world.closeAll();
});

test('an abort ends a put whose body hangs', async () => {
  const { world, node } = await alone();
  const cut = new AbortController();
  async function* hanging() {
    yield Buffer.alloc(10);
    await new Promise(() => {});
  }
  const reason = new Error('enough');
  world.time.after(100, () => cut.abort(reason));
  assert.is(await failure(node.put('a', hanging(), { signal: cut.signal })), reason);
  assert.is(node.holds(resourceId('a')), undefined);
  await world.closeAll();
});

test('a store that fills up ends the put and keeps the old version', async () => {
  const { world, node } = await alone();
  await node.put('a', Buffer.alloc(10, 1));
  node.store.maxBytes = MIB;
  assert.is(await failure(node.put('a', chunks([3 * MIB]))), 'MURKY_STORE_FULL');
  assert.ok((await node.get('a')).equals(Buffer.alloc(10, 1)));
  await world.closeAll();
});

test('the body waits for the store: at most three blocks are ahead of it', async () => {
  const { world, node } = await alone();
  let written = 0;
  let taken = 0;
  const begin = node.store.begin.bind(node.store);
  node.store.begin = () => {
    const writer = begin();
    return {
      ...writer,
      write: async (index, bytes) => {
        await new Promise<void>((resolve) => world.time.after(50, resolve));
        await writer.write(index, bytes);
        written += 1;
      },
    };
  };
  let ahead = 0;
  async function* counted() {
    for (; taken < 12; taken++) {
      ahead = Math.max(ahead, taken - written);
      yield Buffer.alloc(MIB, taken);
    }
  }
  await node.put('a', counted());
  assert.is(written, 12);
  assert.ok(ahead <= 3, `${ahead}`);
  await world.closeAll();
});

test('a delete of what is not there, or was deleted, is not found', async () => {
  const { world, node } = await alone();
  assert.is(await failure(node.delete('a')), 'MURKY_NOT_FOUND');
  await node.put('a', Buffer.alloc(1));
  const { manifest } = await node.delete('a');
  assert.ok(manifest.tombstone);
  assert.is(await failure(node.delete('a')), 'MURKY_NOT_FOUND');
  await node.put('a', Buffer.from('again'));
  assert.is((await node.get('a')).toString(), 'again');
  await world.closeAll();
});

test.run();
