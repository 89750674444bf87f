import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { addon, type HeldBlock } from '../../src/native/addon.js';
import { RESOURCE, RealLoop, randomBlocks, VERSION } from '../rain/real-loop.js';

const MIB = 2 ** 20;

/** Blocks as a fetch over a real socket hands them over. */
async function fetched(blocks: readonly Uint8Array[], use: (held: HeldBlock[]) => Promise<void>): Promise<void> {
  const server = new RealLoop({}, blocks);
  const client = new RealLoop();
  try {
    const fetch = client.loop.openFetch({
      resource: RESOURCE,
      version: VERSION,
      symbolBytes: 8896,
      servers: [{ host: '127.0.0.1', port: server.port }],
    });
    for (const [block, { length }] of blocks.entries()) client.loop.want(fetch, block, length);
    const held: HeldBlock[] = [];
    for (const block of blocks.keys()) {
      held.push((await client.event('blockDecoded', (decoded) => decoded.block === block))!.bytes);
    }
    await use(held);
  } finally {
    client.loop.close();
    server.loop.close();
  }
}

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test('a held block is hashed in the pool or, short, at once, and taken once', async () => {
  const blocks = [...randomBlocks(1, 300_000), ...randomBlocks(1, 1000)];
  await fetched(blocks, async (held) => {
    for (const [i, block] of held.entries()) {
      assert.is(block.length, blocks[i]!.length);
      assert.is(hex(await block.sha256()), digest(blocks[i]!));
      assert.is(hex(await block.sha256()), digest(blocks[i]!), 'it is still there');
      assert.ok(blocks[i]!.equals(block.take()));
      assert.is(block.length, 0);
      assert.throws(() => block.take(), /taken or dropped/);
      assert.throws(() => block.sha256(), /taken or dropped/);
      block.drop();
    }
  });
});

test('a block that is being hashed cannot be taken, but dropped: the hash is of what it was', async () => {
  const blocks = randomBlocks(2, MIB);
  await fetched(blocks, async ([kept, dropped]) => {
    const hashes = [kept!.sha256(), dropped!.sha256()];
    assert.throws(() => kept!.take(), /being hashed or served/);
    dropped!.drop();
    dropped!.drop();
    assert.is(dropped!.length, 0);
    // Others would get its memory if it were free.
    await fetched(randomBlocks(2, MIB), async () => {});
    assert.equal((await Promise.all(hashes)).map(hex), blocks.map(digest));
    assert.ok(blocks[0]!.equals(kept!.take()));
  });
});

test('blocks of one length are hashed together, each keeps its place and its memory until then', async () => {
  const lanes = addon().sha256Lanes();
  if (lanes === 1) return; // this processor cannot
  const blocks = randomBlocks(lanes, 300_000);
  const held = blocks.map((block) => addon().holdBlock(block));
  const together = (of: HeldBlock[]) => of[0]!.sha256Together(of.slice(1));
  for (const count of [1, 9, lanes]) {
    assert.equal((await together(held.slice(0, count))).map(hex), blocks.slice(0, count).map(digest));
  }
  const hashes = together(held);
  assert.throws(() => held[3]!.take(), /being hashed or served/);
  held[4]!.drop();
  assert.equal((await hashes).map(hex), blocks.map(digest));
  assert.ok(blocks[3]!.equals(held[3]!.take()));
  const [short] = randomBlocks(1, 299_999).map((block) => addon().holdBlock(block));
  assert.throws(() => together([held[0]!, short!]), /differ in length/);
  assert.throws(() => together([held[0]!, held[4]!]), /taken or dropped/);
  assert.throws(() => together([held[0]!, {} as HeldBlock]), /held block is missing/);
  assert.throws(() => together([...held, short!]), /cannot be hashed together/);
});

test('the collector is told of a block only when it is taken, and its memory comes back when it is released', async () => {
  const blocks = randomBlocks(8, MIB);
  const outBefore = addon().blockBytesOut();
  const counted = () => process.memoryUsage().external;
  const before = counted();
  await fetched(blocks, async (held) => {
    await Promise.all(held.map((block) => block.sha256()));
    assert.ok(counted() - before < MIB, 'of 8 MiB');
    assert.is(addon().blockBytesOut(), outBefore);
    const taken = held[0]!.take();
    assert.ok(counted() - before >= MIB);
    assert.ok(addon().blockBytesOut() - outBefore >= MIB);
    addon().releaseBlock(taken);
    for (const block of held) block.drop();
    for (let turn = 0; turn < 3; turn++) await setImmediate();
    assert.is(addon().blockBytesOut(), outBefore);
  });
});

test('a held block is served from where it lies, also when it was dropped meanwhile', async () => {
  const [bytes, other] = randomBlocks(2, MIB) as [Buffer, Buffer];
  const truth = Buffer.from(bytes);
  const held = addon().holdBlock(bytes);
  bytes.fill(0);
  held.copy().fill(0);
  assert.ok(truth.equals(held.copy()), 'nobody can change it');
  const server = new RealLoop({}, [held, other]);
  const client = new RealLoop();
  try {
    const servers = [{ host: '127.0.0.1', port: server.port }];
    const fetch = () => client.fetch(servers, [truth]);
    // In the turn that gives it to the loop: a reader that waits for long asks for repair symbols, and an encoder takes the
    // place of the bytes.
    let refusal: unknown;
    server.onProvided = () => {
      try {
        held.take();
      } catch (error) {
        refusal = error;
      }
    };
    assert.ok(truth.equals((await fetch())[0]!));
    assert.match(String(refusal), /being hashed or served/, 'the loop has its memory, and no copy');
    held.drop();
    // Others would get its memory if it were free.
    const others = Array.from({ length: 8 }, () => addon().holdBlock(other));
    assert.ok(truth.equals((await fetch())[0]!), 'from the cache');
    server.loop.forgetResource(RESOURCE);
    for (const block of others) assert.ok(other.equals(block.take()), 'what was never served can be taken');
    assert.throws(() => server.loop.provideBlock(RESOURCE, VERSION, 0, held), /taken or dropped/);
    const forged = Object.create(Object.getPrototypeOf(held));
    assert.throws(() => server.loop.provideBlock(RESOURCE, VERSION, 0, forged));
  } finally {
    client.loop.close();
    server.loop.close();
  }
});

test('JavaScript cannot make one of nothing', async () => {
  await fetched(randomBlocks(1), async ([block]) => {
    const made = Object.getPrototypeOf(block).constructor as new () => object;
    assert.throws(() => new made(), /cannot be made by hand/);
    const { take } = block!;
    assert.throws(() => take.call({} as HeldBlock));
    block!.drop();
  });
});

test.run();
