import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodePing } from '../../src/cluster/swim/ping-message.js';
import { RequestKind } from '../../src/rain/contract.js';
import { MemoryDisk } from '../simulation/memory-store.js';
import { addressOf, type SimulatedNode, World } from '../simulation/world.js';

/** Longer than anyone is held for a suspect in a cluster of this size. */
const SUSPICION_MS = 12_000;

const stateAt = (node: SimulatedNode, id: bigint) =>
  node.cluster.membership.peers().find((one) => one.id === id)?.state;

/** Node 2 of four has lost its disk and is back as another one, and nobody is sure yet that the old one is gone. */
async function displaced() {
  const world = new World();
  const [a, before, c, d] = await world.startAll(4);
  await world.kill(2);
  const after = await world.start(2, [1, 3, 4], { disk: new MemoryDisk() });
  await world.time.run(500);
  for (const node of [a!, c!, d!]) {
    assert.is(stateAt(node, before!.id), 'alive');
    assert.is(stateAt(node, after.id), 'alive');
  }
  return { world, others: [a!, c!, d!], before: before!, after };
}

test('a node that lost its disk is gone also where the one in its place leaves at once', async () => {
  const { world, others, before, after } = await displaced();
  await world.time.until(after.cluster.membership.leave());
  await world.kill(2);
  await world.time.run(SUSPICION_MS);
  for (const node of others) {
    assert.is(stateAt(node, before.id), 'left');
    assert.is(node.cluster.owners(1n).others.length, 2, 'nobody waits for it');
  }
  await world.closeAll();
});

test('a node that lost its disk is gone also where the one in its place fails at once', async () => {
  const { world, others, before, after } = await displaced();
  await world.kill(2);
  await world.time.run(SUSPICION_MS);
  for (const node of others) {
    assert.is(stateAt(node, before.id), 'left');
    assert.is(stateAt(node, after.id), 'away', 'it has its disk');
  }
  await world.closeAll();
});

test('a node that is back with its disk is waited for when it fails, though another one was in its place', async () => {
  const { world, others, before, after } = await displaced();
  await world.kill(2);
  const back = await world.start(2, [1, 3, 4], { disk: before.store.disk });
  assert.is(back.id, before.id);
  await world.time.run(2000);
  await world.kill(2);
  await world.time.run(SUSPICION_MS);
  for (const node of others) {
    assert.is(stateAt(node, before.id), 'away');
    assert.is(stateAt(node, after.id), 'left');
  }
  await world.closeAll();
});

/** A node, and what others say to it. */
async function listener() {
  const world = new World();
  const a = await world.start(1, []);
  const place = (n: number) => world.net.open(addressOf(n), a.rain.source);
  const speak = (from: ReturnType<typeof place>, id: bigint, left = false) => {
    const ping = encodePing({
      self: { id, boot: id, incarnation: 1, weight: 1, zone: '', standby: false, left },
      to: 0n,
      belief: { incarnation: 0, status: 'alive' },
      wallMs: 1_767_225_600_000,
      settings: { replicas: 3, writeQuorum: 'majority', graceSeconds: 600 },
      digest: 0n,
      news: [],
    });
    return world.time.until(from.request(addressOf(1), RequestKind.Ping, ping.bytes));
  };
  return { world, a, place, speak };
}

test('so is one that has moved without a restart, and had no time to contradict', async () => {
  const { world, a, place, speak } = await listener();
  const [old, moved] = [place(2), place(9)];
  await speak(old, 5n);
  await speak(old, 6n);
  await speak(moved, 5n);
  await world.time.run(SUSPICION_MS);
  assert.is(stateAt(a, 5n), 'away');
  await world.closeAll();
});

test('the goodbye of a node is enough to know that the one before it at its address is gone', async () => {
  const { world, a, place, speak } = await listener();
  const there = place(2);
  await speak(there, 5n);
  await speak(there, 6n, true);
  assert.is(stateAt(a, 5n), 'alive', 'it may have moved');
  await world.time.run(SUSPICION_MS);
  assert.is(stateAt(a, 5n), 'left');
  await world.closeAll();
});

test('the goodbye of a node is enough also where the one before it was away already', async () => {
  const { world, a, place, speak } = await listener();
  const there = place(2);
  await speak(there, 5n);
  await world.time.run(SUSPICION_MS);
  assert.is(stateAt(a, 5n), 'away');
  await speak(there, 6n, true);
  assert.is(stateAt(a, 5n), 'left');
  await world.closeAll();
});

test.run();
