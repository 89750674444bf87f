import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Break } from './simulation/breaks.js';
import { simulate } from './simulation/simulate.js';
import type { Checker } from './simulation/violation.js';

test('a seed tells the same story each time, and another seed another one', async () => {
  const [first, again, other] = [await simulate({ seed: 7 }), await simulate({ seed: 7 }), await simulate({ seed: 8 })];
  assert.is(again.digest, first.digest);
  assert.is(again.events, first.events);
  assert.is.not(other.digest, first.digest);
});

/** Each fault, the checker that has to find it whatever the seed draws, and seeds. */
const PLANTED: readonly (readonly [Break, Checker, readonly number[]])[] = [
  ['lose-acknowledged-write', 'acknowledged writes', [7]],
  ['resurrect-delete', 'deletes', [2, 4, 7]],
  ['overrun-budget', 'budgets', [7]],
  ['move-too-much', 'moved objects', [7]],
  ['garble-reads', 'reads', [7]],
  ['hang-operation', 'operations', [7]],
  ['unnamed-error', 'operations', [7]],
];

for (const [broken, checker, seeds] of PLANTED) {
  test(`the checker of ${checker} finds what is planted: ${broken}`, async () => {
    for (const seed of seeds) {
      for (const nodes of [undefined, 4]) {
        const report = await simulate({ seed, nodes, broken });
        assert.is(report.violation?.checker, checker, `seed ${seed} of ${nodes ?? 'as many as it draws'} nodes`);
      }
    }
  });
}

test.run();
