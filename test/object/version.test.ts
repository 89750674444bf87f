import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isMurkyError } from '../../src/errors.js';
import { HybridClock } from '../../src/object/hybrid-clock.js';
import {
  compareVersions,
  type Version,
  versionFromBytes,
  versionFromText,
  versionToBytes,
  versionToText,
} from '../../src/object/version.js';
import { ManualClock } from '../store/manual-clock.js';

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const near = fc.oneof(u64, fc.bigInt({ min: 0n, max: 3n }));
const anyVersion = fc.record({ time: near, node: near }, { noNullPrototype: true });

test('bytes and text of a version have its order, and bring it back', () => {
  fc.assert(
    fc.property(anyVersion, anyVersion, (a, b) => {
      const order = Math.sign(compareVersions(a, b));
      assert.is(Math.sign(Buffer.compare(versionToBytes(a), versionToBytes(b))), order);
      const [x, y] = [versionToText(a), versionToText(b)];
      assert.is(x < y ? -1 : x > y ? 1 : 0, order);
      assert.equal(versionFromBytes(versionToBytes(a)), a);
      assert.equal(versionFromText(x), a);
      assert.is(Math.sign(compareVersions(b, a)) + order, 0);
    }),
  );
});

test('time counts before node', () => {
  assert.ok(compareVersions({ time: 2n, node: 1n }, { time: 1n, node: 9n }) > 0);
  assert.ok(compareVersions({ time: 1n, node: 1n }, { time: 1n, node: 9n }) < 0);
  assert.is(compareVersions({ time: 1n, node: 1n }, { time: 1n, node: 1n }), 0);
  assert.is(versionToText({ time: 1n, node: 0xabcn }), '00000000000000010000000000000abc');
});

test('what is not a version is refused', () => {
  for (const text of ['', '0'.repeat(31), '0'.repeat(33), 'A'.repeat(32), `${'0'.repeat(32)}\n`, 'g'.repeat(32)]) {
    assert.throws(
      () => versionFromText(text),
      (error: unknown) => isMurkyError(error, 'MURKY_BAD_REQUEST'),
    );
  }
  for (const [length, offset] of [
    [15, 0],
    [16, 1],
    [0, 0],
  ] as const) {
    assert.throws(
      () => versionFromBytes(new Uint8Array(length), offset),
      (error: unknown) => isMurkyError(error, 'MURKY_BAD_MESSAGE'),
    );
  }
});

test('a view into a larger buffer is read from its own start', () => {
  const bytes = Buffer.concat([Buffer.alloc(3, 0xff), versionToBytes({ time: 5n, node: 6n })]);
  assert.equal(versionFromBytes(bytes.subarray(3)), { time: 5n, node: 6n });
  assert.equal(versionFromBytes(bytes, 3), { time: 5n, node: 6n });
});

test('a hybrid clock only goes forward, whatever the wall clock and the others do', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('wall' as const), ms: fc.integer({ min: -100_000, max: 100_000 }) }),
    fc.record({ kind: fc.constant('observe' as const), aheadMs: fc.integer({ min: -1000, max: 1000 }) }),
    fc.constant({ kind: 'next' as const }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const wall = new ManualClock();
      const clock = new HybridClock(wall, 7n);
      let newest: Version = { time: 0n, node: 0n };
      for (const one of steps) {
        if (one.kind === 'wall') wall.stepWall(one.ms);
        else if (one.kind === 'observe') {
          const seen = { time: BigInt(wall.now() + one.aheadMs) << 16n, node: 9n };
          clock.observe(seen);
          if (compareVersions(seen, newest) > 0) newest = seen;
        } else {
          const next = clock.next();
          assert.is(next.node, 7n);
          assert.ok(next.time > newest.time, 'newer than all that was given out or seen');
          newest = next;
        }
      }
    }),
  );
});

test('a hybrid clock follows the wall clock when nothing is ahead of it', () => {
  const wall = new ManualClock();
  const clock = new HybridClock(wall, 1n);
  assert.is(clock.next().time, BigInt(wall.now()) << 16n);
  assert.is(clock.next().time, (BigInt(wall.now()) << 16n) + 1n);
  wall.advance(1);
  assert.is(clock.next().time, BigInt(wall.now()) << 16n);
});

test.run();
