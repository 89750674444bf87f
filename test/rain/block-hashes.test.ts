import { createHash } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { HeldBlock } from '../../src/native/addon.js';
import { BlockHashes } from '../../src/rain/block-hashes.js';
import { noise } from './bytes.js';
import { held } from './held.js';
import { ManualClock, settle } from './scripted-loop.js';

const LANES = 16;
const BLOCK_BYTES = 1_000_000; // sixteen are waited for 32 ms at most
const ENOUGH = 100;

/** Gives blocks to a BlockHashes and says how they were hashed: alone, or together with how many. */
function start(lanes = LANES) {
  const clock = new ManualClock();
  let underWay = ENOUGH;
  const hashes = new BlockHashes({ clock, lanes, underWay: () => underWay });
  const hashed: number[] = [];
  const checks: Promise<void>[] = [];
  let seed = 0;
  const give = (others = ENOUGH, length = BLOCK_BYTES) => {
    underWay = others;
    const bytes = noise(length, ++seed);
    const inner = held(bytes);
    const block: HeldBlock = {
      ...inner,
      length,
      sha256: () => {
        hashed.push(1);
        return inner.sha256();
      },
      sha256Together: (others) => {
        hashed.push(1 + others.length);
        return inner.sha256Together(others.map((other) => ({ ...other, sha256: async () => plain.get(other)! })));
      },
    };
    plain.set(block, createHash('sha256').update(bytes).digest());
    checks.push(hashes.hash(block).then((hash) => assert.equal(Buffer.from(hash), plain.get(block))));
  };
  /** Blocks that come 1 ms after each other. */
  const stream = (count: number, others = ENOUGH) => {
    for (let i = 0; i < count; i++) {
      clock.advance(1);
      give(others);
    }
  };
  const asksFor = (others: number) => {
    underWay = others;
  };
  return { clock, hashes, hashed, give, stream, asksFor, right: () => Promise.all(checks) };
}

const plain = new WeakMap<HeldBlock, Buffer>();
const alone = (count: number) => Array.from({ length: count }, () => 1);

test('blocks that come fast are hashed sixteen at a time, each with its own hash', async () => {
  const { hashes, hashed, stream, right } = start();
  stream(LANES);
  assert.equal(hashed, alone(LANES), 'until it is known how fast they come');
  assert.is(hashes.room, 0);
  stream(15);
  assert.equal(hashed, alone(LANES), 'waiting');
  assert.is(hashes.room, LANES, 'blocks that are to be under way beside those that are hashed');
  stream(1 + LANES);
  assert.equal(hashed, [...alone(LANES), LANES, LANES]);
  await right();
});

test('blocks that come slowly, or of which not enough are under way, wait for nobody', async () => {
  const slow = start();
  for (let i = 0; i < 40; i++) {
    slow.clock.advance(2.1); // 16 in more than 32 ms
    slow.give();
  }
  assert.equal(slow.hashed, alone(40));
  assert.is(slow.hashes.room, 0);
  const last = start();
  last.stream(40, 14);
  assert.equal(last.hashed, alone(40), 'there never are fifteen others to come');
  const narrow = start(1);
  narrow.stream(40);
  assert.equal(narrow.hashed, alone(40), 'this processor gains nothing');
  await Promise.all([slow, last, narrow].map(({ right }) => right()));
});

test('while others are being hashed blocks wait for what their reader asks for next', async () => {
  for (const [others, expected] of [
    [12, []],
    [5, [10]],
  ] as const) {
    const { clock, hashed, stream, asksFor, right } = start();
    stream(2 * LANES);
    assert.equal(hashed.slice(LANES), [LANES], 'being hashed');
    stream(10, 0);
    assert.equal(hashed.slice(LANES), [LANES], 'ten wait, though none is under way as long as their reader has none');
    await settle(); // the hashes are there: it takes its blocks and asks for others
    asksFor(others);
    clock.advance(1.5);
    assert.equal(hashed.slice(LANES + 1), expected, `${others} under way`);
    clock.advance(32);
    await right();
  }
});

test('a pause within the gusts that blocks come in does not part them', async () => {
  const { clock, hashed, stream, right } = start();
  stream(LANES + 8);
  clock.advance(16.5); // sixteen take 32.5 ms now
  stream(8);
  assert.equal(hashed.slice(LANES), [LANES]);
  clock.advance(60);
  stream(1);
  assert.equal(hashed.slice(LANES), [LANES, 1], 'no longer fast');
  await right();
});

test('what waits is hashed after 32 ms, together where that is worth it', async () => {
  for (const [count, expected] of [
    [7, alone(7)],
    [8, [8]],
  ] as const) {
    const { clock, hashed, stream, right } = start();
    stream(LANES + count);
    clock.advance(32 - count);
    assert.equal(hashed, alone(LANES), `${count} wait`);
    clock.advance(1);
    assert.equal(hashed, [...alone(LANES), ...expected]);
    await right();
  }
});

test('what waits is hashed with the first block that is the last of many, of another length or late', async () => {
  const ends = start();
  ends.stream(LANES + 10);
  ends.give(3);
  assert.equal(ends.hashed, [...alone(LANES), 11]);
  const short = start();
  short.stream(LANES + 10);
  short.give(ENOUGH, 1000);
  assert.equal(short.hashed.slice(LANES), [10, 1]);
  await Promise.all([ends, short].map(({ right }) => right()));
});

test('flush leaves none waiting, and no timer behind', async () => {
  const { clock, hashes, hashed, stream, right } = start();
  stream(LANES + 9);
  hashes.flush();
  assert.equal(hashed.slice(LANES), [9]);
  stream(1);
  clock.advance(31.5);
  assert.is(hashed.length, LANES + 1, 'the time counts from the first that waits');
  clock.advance(1);
  await right();
  await settle();
  assert.equal(hashed.slice(LANES), [9, 1]);
});

test.run();
