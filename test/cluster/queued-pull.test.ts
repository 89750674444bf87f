import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Limit } from '../../src/cluster/limit.js';
import { type Held, QueuedPull } from '../../src/cluster/queued-pull.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Lines of one place each with room for one who waits, and pulls that end when they are told to. */
function begin() {
  const [repairs, writes] = [new Limit(1, 1), new Limit(1, 1)];
  const queue = (line: Limit, repair: boolean) => {
    let end = () => {};
    const ended = new Promise<Held>((resolve) => {
      end = () => resolve({ kind: 'held' });
    });
    const queued = { pull: undefined as unknown as QueuedPull, begun: 0, end };
    const pace = repair ? async () => {} : undefined;
    queued.pull = new QueuedPull(line, [], pace, () => {
      queued.begun += 1;
      return ended;
    });
    return queued;
  };
  return { repairs, writes, repair: () => queue(repairs, true), write: () => queue(writes, false) };
}

test('a repair that went over to the line of writes is done once, whichever line comes to it first', async () => {
  for (const first of ['repairs', 'writes'] as const) {
    const { writes, repair, write } = begin();
    const running = { repairs: repair(), writes: write() };
    const last = repair();
    last.pull.hurry(writes);
    running[first].end();
    await turn();
    assert.is(last.begun, 1, first);
    running[first === 'repairs' ? 'writes' : 'repairs'].end();
    await turn();
    assert.is(last.begun, 1, first);
    last.end();
    assert.equal(await last.pull.done, { kind: 'held' });
    const next = [repair(), write()];
    await turn();
    assert.equal(
      next.map(({ begun }) => begun),
      [1, 1],
      'both lines have their place again',
    );
  }
});

test('one that finds the line of writes full goes over when someone comes to wait for it again', async () => {
  const { writes, repair, write } = begin();
  repair();
  const last = repair();
  const before = [write(), write()];
  last.pull.hurry(writes);
  for (const { end } of before) end();
  await turn();
  assert.is(last.begun, 0, 'it had no place there');
  last.pull.hurry(writes);
  await turn();
  assert.is(last.begun, 1);
});

test('it goes over once, however many come to wait for it', async () => {
  const { repairs, repair } = begin();
  const other = new Limit(1, 2);
  void other.run(() => new Promise(() => {}));
  repair();
  const last = repair();
  for (let i = 0; i < 3; i++) last.pull.hurry(other);
  assert.not.ok(other.full);
  assert.ok(repairs.full);
});

test('what came while it waited in either line counts', async () => {
  const { writes, repair, write } = begin();
  const [repairing, last, writing] = [repair(), repair(), write()];
  writing.pull.onBlock();
  assert.is(last.pull.ahead(), 0);
  repairing.pull.onBlock();
  last.pull.hurry(writes);
  assert.is(last.pull.ahead(), 1, 'that of the repair');
  writing.pull.onBlock();
  writing.pull.onBlock();
  assert.is(last.pull.ahead(), 3);
  writing.end();
  await turn();
  writing.pull.onBlock();
  assert.is(last.pull.ahead(), 3, 'it waits no more');
});

test('its blocks count for those behind it in the line that came to it', async () => {
  const { writes, repair, write } = begin();
  const [repairing, last, writing] = [repair(), repair(), write()];
  last.pull.hurry(writes);
  repairing.end();
  await turn();
  assert.is(last.begun, 1);
  const behind = repair();
  last.pull.onBlock();
  assert.is(behind.pull.ahead(), 1);
  assert.is(writes.advanced, 0, 'nothing of the other line got on');
  writing.end();
});

test('one that has begun stays in its line when someone comes to wait for it', async () => {
  const { repairs, writes, repair, write } = begin();
  const [running, writing] = [repair(), write()];
  await turn();
  running.pull.hurry(writes);
  assert.not.ok(writes.full);
  running.pull.onBlock();
  writing.pull.onBlock();
  assert.equal([repairs.advanced, writes.advanced, running.pull.ahead()], [1, 1, 0]);
  write();
  assert.ok(writes.full, 'its only place is that of a write');
});

test.run();
