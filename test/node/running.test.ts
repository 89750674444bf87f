import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { abortable } from '../../src/node/abortable.js';
import { Running } from '../../src/node/running.js';
import { systemClock } from '../../src/seam/clock.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const OPERATIONS = 10_000;
/** One signal for all kept 30 to 60 of each. */
const MOST_BYTES = OPERATIONS * 10;

async function heapAfter(running: Running): Promise<number> {
  for (let i = 0; i < OPERATIONS; i++) {
    await running.run(new AbortController().signal, (signal) => abortable(Promise.resolve(), signal));
    if (i % 1000 === 0) await new Promise(setImmediate);
  }
  await new Promise(setImmediate);
  collect();
  return process.memoryUsage().heapUsed;
}

test('nothing is left of operations that have ended', async () => {
  const running = new Running();
  await heapAfter(running);
  const before = await heapAfter(running);
  const after = await heapAfter(running);
  assert.ok(after - before < MOST_BYTES, `${after - before} bytes more`);
});

test('what does not end in time is cut off, whatever signal it has', async () => {
  const running = new Running();
  const forever = (signal: AbortSignal) => abortable(new Promise(() => {}), signal);
  const works = [undefined, new AbortController().signal].map((signal) =>
    running.run(signal, forever).catch((error) => error.code),
  );
  const awake = setTimeout(() => {}, 10_000); // the clock's timers do not keep a process alive
  await running.close(systemClock, 10);
  assert.equal(await Promise.all(works), ['MURKY_CLOSED', 'MURKY_CLOSED']);
  clearTimeout(awake);
});

test.run();
