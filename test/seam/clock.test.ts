import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../src/seam/clock.js';

test('what is due in more than 24 days does not run at once', async () => {
  const ran: string[] = [];
  const stopLong = systemClock.after(2 ** 31, () => ran.push('long'));
  const stopNever = systemClock.after(Number.POSITIVE_INFINITY, () => ran.push('never'));
  const stopShort = systemClock.after(5, () => ran.push('stopped'));
  systemClock.after(10, () => ran.push('short'));
  stopShort();
  await sleep(50);
  assert.equal(ran, ['short']);
  stopLong();
  stopNever();
});

test.run();
