import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LineLimit } from '../../src/cli/serve/line-limit.js';
import { ManualClock } from '../rain/scripted-loop.js';

test('a flood of log lines is cut to the limit, and what is left out is counted', () => {
  const lines: string[] = [];
  const clock = new ManualClock();
  const limit = new LineLimit({ write: (line) => void lines.push(line) }, clock, 10);
  for (let second = 0; second < 3; second++) {
    for (let line = 0; line < 50_000; line++) limit.write(`line ${line}\n`);
    clock.advance(1000);
  }
  assert.is(lines.length, 3 * (10 + 1));
  const { level, leftOut } = JSON.parse(lines[10]!);
  assert.equal([level, leftOut], ['warn', 49_990]);
});

test('what keeps to the limit passes unchanged', () => {
  const lines: string[] = [];
  const clock = new ManualClock();
  const limit = new LineLimit({ write: (line) => void lines.push(line) }, clock, 10);
  for (let line = 0; line < 40; line++) {
    limit.write(`${line}`);
    clock.advance(101);
  }
  assert.equal(
    lines,
    Array.from({ length: 40 }, (_, line) => `${line}`),
  );
});

test.run();
