import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { addon } from '../../src/native/addon.js';
import { sha256InPool } from '../../src/native/pool-digest.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test('the examples of FIPS 180-4', async () => {
  const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  assert.is(hex(await addon().sha256InPool(Buffer.from('abc'))), abc);
  assert.is(hex(await sha256InPool(Buffer.from('abc'))), abc);
  const millionAs = 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0';
  assert.is(hex(await sha256InPool(Buffer.alloc(1_000_000, 'a'))), millionAs);
});

test('views into larger memory, many at once, none at all', async () => {
  const memory = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7919) % 251));
  const views = Array.from({ length: 50 }, (_, i) => memory.subarray(i * 3, 100_000 + i * 1777));
  const hashes = await Promise.all(views.map((view) => sha256InPool(view)));
  for (const [i, view] of views.entries()) {
    assert.is(hex(hashes[i]!), createHash('sha256').update(view).digest('hex'), `view ${i}`);
  }
  assert.is(hex(await addon().sha256InPool(new Uint8Array())), createHash('sha256').digest('hex'));
  assert.throws(() => addon().sha256InPool('abc' as never), /bytes|Uint8Array|Buffer/i);
});

/** Counts what is in the pool. */
function counted() {
  const native = addon();
  const { sha256InPool: one, sha256Together: together } = native;
  const seen = { atOnce: 0, mostAtOnce: 0, groups: [] as number[] };
  const count = async <T>(arrays: number, work: () => Promise<T>): Promise<T> => {
    seen.groups.push(arrays);
    seen.mostAtOnce = Math.max(seen.mostAtOnce, ++seen.atOnce);
    try {
      return await work();
    } finally {
      seen.atOnce--;
    }
  };
  native.sha256InPool = (bytes) => count(1, async () => await one(bytes));
  native.sha256Together = (arrays) => count(arrays.length, async () => await together(arrays));
  const restore = () => Object.assign(native, { sha256InPool: one, sha256Together: together });
  return { seen, restore };
}

const hashed = async (block: Uint8Array) =>
  assert.is(hex(await sha256InPool(block)), createHash('sha256').update(block).digest('hex'));

test('at most two at once, and one processor is left to files and LevelDB', async () => {
  const { seen, restore } = counted();
  try {
    const blocks = Array.from({ length: 40 }, (_, i) => Buffer.alloc(100_000, i));
    const ended: number[] = [];
    const hashing = blocks.map(async (block, i) => {
      await hashed(block);
      ended.push(i);
    });
    // One that fails lets the next one pass.
    let refused = false;
    await sha256InPool({ length: 100_000 } as never).catch(() => {
      refused = true;
    });
    assert.ok(refused);
    await Promise.all(hashing);
    assert.is(seen.mostAtOnce, Math.min(2, Math.max(1, availableParallelism() - 1)));
    assert.is(ended.length, blocks.length);
    await hashed(blocks[7]!);
  } finally {
    restore();
  }
});

test('what waits is hashed together with others of its length, as far as the processor gains by it', async () => {
  const { seen, restore } = counted();
  try {
    const lengths = [50_000, 60_000, 1_000_000].flatMap((length) => Array.from({ length: 9 }, () => length));
    const mixed = lengths.map((_, i) => Buffer.alloc(lengths[(i * 10) % lengths.length]!, i));
    await Promise.all(mixed.map(hashed));
    const most = addon().sha256Streams();
    assert.is(Math.max(...seen.groups), most);
    assert.is(
      seen.groups.reduce((sum, arrays) => sum + arrays, 0),
      mixed.length,
    );
  } finally {
    restore();
  }
});

test('arrays that cannot be hashed together are refused', () => {
  if (addon().sha256Streams() === 1) return;
  const refused = [
    [],
    [Buffer.alloc(10), Buffer.alloc(11)],
    [Buffer.alloc(10), 'ten bytes.'],
    Array.from({ length: addon().sha256Streams() + 1 }, () => Buffer.alloc(10)),
    Buffer.alloc(10),
  ];
  for (const arrays of refused) {
    assert.throws(() => addon().sha256Together(arrays as never), /hashed together|Uint8Array/);
  }
});

test.run();
