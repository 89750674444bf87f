import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Crowd } from '../simulation/membership/crowd.js';
import { measure } from '../simulation/membership/measure.js';

test('of sixty nodes all know of a failure within ten periods, and nobody is slandered', async () => {
  const { periods, slandered } = await measure(60, 3, 0, 3);
  assert.is(periods.length, 3);
  for (const taken of periods) assert.ok(taken <= 10, `${taken} periods`);
  assert.is(slandered, 0);
});

test('what a node sends in quiet does not grow with the cluster', async () => {
  const [small, large] = [await measure(20, 0, 0, 1), await measure(60, 0, 0, 1)];
  const growth = large.quietBytesPerSecond / small.quietBytesPerSecond;
  assert.ok(growth < 1.3, `three times the nodes, ${growth} times the bytes`);
});

test('through the loss of three datagrams in ten nobody who runs is taken to be away for long', async () => {
  const crowd = await Crowd.of(20, 5);
  crowd.loss = 0.3;
  const silentMs = new Map<string, number>();
  for (let step = 0; step < 60; step++) {
    await crowd.time.run(500);
    for (const [n, node] of crowd.nodes) {
      const key = String(n);
      const all = node.alive() === 19;
      silentMs.set(key, all ? 0 : (silentMs.get(key) ?? 0) + 500);
      assert.ok(silentMs.get(key)! <= 5000, `node ${n} has missed another for ${silentMs.get(key)} ms`);
    }
  }
  await crowd.closeAll();
});

test('one who leaves is known to have left by all, and no failure is told', async () => {
  const crowd = await Crowd.of(20, 2);
  const events: string[] = [];
  for (const node of crowd.nodes.values()) node.membership.on(({ kind }) => events.push(kind));
  const leaver = crowd.nodes.get(7)!;
  const left = leaver.membership.leave();
  await crowd.time.run(3000);
  await left;
  await crowd.kill(7);
  await crowd.time.run(20_000);
  for (const node of crowd.nodes.values()) assert.is(node.stateOf(leaver.id), 'none');
  assert.equal(events, Array(19).fill('left'));
  await crowd.closeAll();
});

test.run();
