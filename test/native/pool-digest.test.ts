import { createHash } from 'node:crypto';
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

test('at most two at once, so that files and LevelDB find a thread', async () => {
  const native = addon();
  const { sha256InPool: real } = native;
  let atOnce = 0;
  let most = 0;
  native.sha256InPool = async (bytes) => {
    most = Math.max(most, ++atOnce);
    try {
      return await real(bytes);
    } finally {
      atOnce--;
    }
  };
  try {
    const blocks = Array.from({ length: 40 }, (_, i) => Buffer.alloc(100_000, i));
    const ended: number[] = [];
    const hashing = blocks.map(async (block, i) => {
      assert.is(hex(await sha256InPool(block)), createHash('sha256').update(block).digest('hex'));
      ended.push(i);
    });
    // One that fails lets the next one pass.
    let refused = false;
    await sha256InPool({ length: 100_000 } as never).catch(() => {
      refused = true;
    });
    assert.ok(refused);
    await Promise.all(hashing);
    assert.is(most, 2);
    assert.is(ended.length, blocks.length);
    assert.is(hex(await sha256InPool(blocks[7]!)), createHash('sha256').update(blocks[7]!).digest('hex'));
  } finally {
    native.sha256InPool = real;
  }
});

test.run();
