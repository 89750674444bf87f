import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LineLimit } from '../../src/cli/serve/line-limit.js';
import { cleanUp, NodeProcess } from '../e2e/node-process.js';
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

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('log.max-lines-per-second holds against whoever has a node log a line for each request', async () => {
  const started = performance.now();
  const node = await NodeProcess.start({
    config: { 'log.max-lines-per-second': 5 },
    serveFlags: ['--log-level', 'debug'],
  });
  for (let wave = 0; wave < 4; wave++) {
    await Promise.all(Array.from({ length: 50 }, () => fetch(`${node.http}/nowhere`)));
    await pause(300);
  }
  await pause(1000); // what was left out is told at the end of its second
  await node.stop();
  const seconds = Math.ceil((performance.now() - started) / 1000);
  const lines = node.log
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { leftOut?: number });
  assert.ok(lines.length <= (seconds + 1) * (5 + 1), `${lines.length} lines in ${seconds} s`);
  assert.ok(lines.reduce((sum, { leftOut = 0 }) => sum + leftOut, 0) > 150);
});

test.after(cleanUp);

test.run();
