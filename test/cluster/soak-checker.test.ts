import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { KeyHistory, type Value } from '../../bench/cluster/key-history.js';

type Step = readonly ['acknowledged' | 'in doubt' | 'settled', Value];

function after(steps: readonly Step[]): KeyHistory {
  const history = new KeyHistory();
  for (const [what, value] of steps) {
    if (what === 'acknowledged') history.acknowledge(value);
    else if (what === 'in doubt') history.doubt(value);
    else history.settle(value);
  }
  return history;
}

/** What happened to a key, and what the checker of the soak has to say of each value that may be found. */
const RECORDED: readonly [string, readonly Step[], Record<string, 'lost' | 'resurrected' | undefined>][] = [
  ['nothing was ever written', [], { nothing: undefined, 1: 'resurrected' }],
  ['a put was acknowledged', [['acknowledged', 1]], { 1: undefined, nothing: 'lost', 2: 'lost' }],
  [
    'a put was overwritten',
    [
      ['acknowledged', 1],
      ['acknowledged', 2],
    ],
    { 2: undefined, 1: 'lost', nothing: 'lost' },
  ],
  [
    'a put was deleted',
    [
      ['acknowledged', 1],
      ['acknowledged', 'nothing'],
    ],
    { nothing: undefined, 1: 'resurrected' },
  ],
  [
    'a delete had no answer',
    [
      ['acknowledged', 1],
      ['in doubt', 'nothing'],
    ],
    { 1: undefined, nothing: undefined, 2: 'lost' },
  ],
  [
    'a put without an answer may still take place after one that was acknowledged',
    [
      ['in doubt', 1],
      ['acknowledged', 2],
    ],
    { 1: undefined, 2: undefined, nothing: 'lost' },
  ],
  [
    'once all nodes agreed no doubt is left',
    [
      ['in doubt', 1],
      ['acknowledged', 2],
      ['settled', 2],
    ],
    { 2: undefined, 1: 'lost', nothing: 'lost' },
  ],
  [
    'all nodes agreed on a deletion that had no answer',
    [
      ['acknowledged', 1],
      ['in doubt', 'nothing'],
      ['settled', 'nothing'],
    ],
    { nothing: undefined, 1: 'resurrected' },
  ],
];

for (const [what, steps, verdicts] of RECORDED) {
  test(`the checker of the soak: ${what}`, () => {
    for (const [found, verdict] of Object.entries(verdicts)) {
      const value = found === 'nothing' ? found : Number(found);
      assert.is(after(steps).judge(value), verdict, `${found} is found`);
    }
  });
}

test('the checker of the soak: what is read meanwhile is what was put under that key, whatever became of the put', () => {
  const history = new KeyHistory();
  assert.ok(history.mayBeRead('nothing'));
  assert.not(history.mayBeRead(1), 'not begun');
  for (const value of [1, 2, 3, 'nothing'] as const) history.begin(value);
  assert.ok(history.mayBeRead(3), 'on its way');
  history.acknowledge(1);
  history.doubt(2);
  history.acknowledge(3);
  history.settle(3);
  for (const value of [1, 2, 3] as const) assert.ok(history.mayBeRead(value), `${value}`);
  assert.not(history.mayBeRead(4), "another key's");
});

test.run();
