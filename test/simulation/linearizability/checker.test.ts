import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkLinearizable } from './checker.js';
import type { Operation, Value } from './history.js';

const never = Number.POSITIVE_INFINITY;

function write(value: Value, start: number, end: number): Operation {
  return { client: 'w', kind: 'write', value, start, end };
}

function read(value: Value, start: number, end: number): Operation {
  return { client: 'r', kind: 'read', value, start, end };
}

const good: Record<string, Operation[]> = {
  'nothing happens': [],
  'one after the other': [write('a', 0, 1), read('a', 2, 3), write('b', 4, 5), read('b', 6, 7)],
  'a read beside a write has the old value or the new one': [
    write('a', 0, 1),
    write('b', 2, 7),
    read('a', 3, 4),
    read('b', 5, 6),
  ],
  'two writes beside each other come in either order': [write('a', 0, 3), write('b', 1, 2), read('a', 4, 5)],
  'and in the other one': [write('a', 0, 3), write('b', 1, 2), read('b', 4, 5)],
  'a write without an end takes effect late': [write('a', 0, never), read(null, 1, 2), read('a', 3, 4)],
  'a write without an end never takes effect': [write('a', 0, never), read(null, 1, 2), read(null, 3, 4)],
  'a deletion': [write('a', 0, 1), write(null, 2, 3), read(null, 4, 5)],
  'a deletion without an end': [write('a', 0, 1), write(null, 2, never), read('a', 3, 4), read(null, 5, 6)],
  // Herlihy and Wing, "Linearizability" (TOPLAS 12(3), 1990), figure 2: reads that overlap the same write.
  'three reads across a write': [
    write('a', 0, 9),
    read(null, 1, 2),
    read(null, 3, 6),
    read('a', 4, 5),
    read('a', 7, 8),
  ],
};

const bad: Record<string, Operation[]> = {
  'a read of what was never written': [read('a', 0, 1)],
  'a stale read': [write('a', 0, 1), write('b', 2, 3), read('a', 4, 5)],
  'a lost write': [write('a', 0, 1), read(null, 2, 3)],
  'new, then old again, beside one write': [write('a', 0, 1), write('b', 2, 7), read('b', 3, 4), read('a', 5, 6)],
  'one value comes back after what overwrote it': [
    write('a', 0, 7),
    write('b', 1, 8),
    read('a', 2, 3),
    read('b', 4, 5),
    read('a', 9, 10),
  ],
  'a deletion that did not last': [write('a', 0, 1), write(null, 2, 3), read('a', 4, 5)],
  'a write without an end that is taken back': [
    write('a', 0, 1),
    write('b', 2, never),
    read('b', 3, 4),
    read('a', 5, 6),
  ],
  'a write that is read before it began': [read('a', 0, 1), write('a', 2, 3)],
  'two readers that disagree on the order of two writes': [
    write('a', 0, 10),
    write('b', 1, 11),
    read('a', 2, 3),
    read('b', 4, 5),
    read('b', 12, 13),
    read('a', 14, 15),
  ],
};

for (const [name, history] of Object.entries(good)) {
  test(`linearizable: ${name}`, () => assert.ok(checkLinearizable(history).linearizable));
}

for (const [name, history] of Object.entries(bad)) {
  test(`not linearizable: ${name}`, () => assert.not.ok(checkLinearizable(history).linearizable));
}

/** By trying every order of every choice of writes without an end. */
function byBruteForce(operations: readonly Operation[]): boolean {
  const extend = (left: readonly Operation[], value: Value): boolean => {
    if (left.every(({ end }) => end === never)) return true;
    const firstEnd = Math.min(...left.map(({ end }) => end));
    return left.some((operation) => {
      if (operation.start > firstEnd || (operation.kind === 'read' && operation.value !== value)) return false;
      return extend(
        left.filter((other) => other !== operation),
        operation.value,
      );
    });
  };
  return extend(operations, null);
}

const histories = fc
  .array(
    fc.record({
      kind: fc.constantFrom<Operation['kind']>('write', 'read'),
      value: fc.constantFrom<Value>(null, 'a', 'b'),
      start: fc.integer({ min: 0, max: 30 }),
      length: fc.integer({ min: 1, max: 15 }),
      unknown: fc.boolean(),
    }),
    { maxLength: 7 },
  )
  .map((all) => {
    // Moments are of one clock: no two are the same.
    return all.map(({ kind, value, start, length, unknown }, i): Operation => {
      const end = kind === 'write' && unknown ? never : (start + length) * 10 + i + 0.5;
      return { client: String(i), kind, value, start: start * 10 + i, end };
    });
  });

test('the verdict is that of trying every order, and an order that is named is one', () => {
  let linearizable = 0;
  fc.assert(
    fc.property(histories, (history) => {
      const verdict = checkLinearizable(history);
      assert.is(verdict.linearizable, byBruteForce(history));
      if (!verdict.linearizable) return;
      linearizable += 1;
      let value: Value = null;
      let latestStart = -1;
      for (const operation of verdict.order) {
        assert.ok(operation.end > latestStart, 'none comes after one that began when it had ended');
        latestStart = Math.max(latestStart, operation.start);
        if (operation.kind === 'read') assert.is(operation.value, value);
        value = operation.value;
      }
    }),
    { numRuns: 3000 },
  );
  assert.ok(linearizable > 300 && linearizable < 2700, `${linearizable} of 3000: both kinds were tried`);
});

test('what is left over of many writes without an end does not make the search long', () => {
  const history: Operation[] = [];
  for (let i = 0; i < 14; i++) history.push(write(`lost ${i}`, i, never));
  history.push(write('a', 20, 21), read('lost 3', 22, 23), read('lost 9', 24, 25), read('a', 26, 27));
  assert.not.ok(checkLinearizable(history).linearizable);
});

test.run();
