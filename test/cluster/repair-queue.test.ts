import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RepairQueue } from '../../src/cluster/repair/queue.js';
import type { FactStore } from '../../src/store/contract.js';
import { MemoryStore } from '../simulation/memory-store.js';

const OWNER = 2n;
const write = { id: 7n, version: { time: 5n, node: 1n }, copies: 1 };

/** A disk that is full until it is told otherwise. */
function diskOf() {
  const { facts } = new MemoryStore();
  const disk = { full: false };
  const put: FactStore['put'] = async (key, bytes) => {
    if (disk.full) throw new Error('The disk is full.');
    await facts.put(key, bytes);
  };
  return { disk, facts: { ...bound(facts), put } };
}

const bound = (facts: FactStore): FactStore => ({
  get: (key) => facts.get(key),
  put: (key, bytes) => facts.put(key, bytes),
  delete: (key) => facts.delete(key),
  entries: (prefix) => facts.entries(prefix),
});

async function owedAfterRestart(facts: FactStore): Promise<readonly bigint[] | undefined> {
  const queue = new RepairQueue(facts);
  await queue.load();
  return queue.get(write.id)?.owed;
}

test('what could not be kept is kept when it is said again', async () => {
  const { disk, facts } = diskOf();
  const queue = new RepairQueue(facts);
  disk.full = true;
  const failed = await queue.owe(OWNER, write).then(
    () => false,
    () => true,
  );
  assert.ok(failed);
  assert.is(await owedAfterRestart(facts), undefined);
  disk.full = false;
  await queue.owe(OWNER, write);
  assert.equal(await owedAfterRestart(facts), [OWNER]);
});

test('what is said at the same time is kept once all of it was said', async () => {
  const { facts } = diskOf();
  const queue = new RepairQueue(facts);
  await Promise.all([queue.owe(OWNER, write), queue.owe(3n, write), queue.owe(OWNER, write)]);
  assert.equal(await owedAfterRestart(facts), [OWNER, 3n]);
  await queue.confirm(OWNER, write.id, write.version);
  await queue.confirm(3n, write.id, write.version);
  assert.is(await owedAfterRestart(facts), undefined);
});

test('what one node says again is no further copy', async () => {
  const queue = new RepairQueue(new MemoryStore().facts);
  const { id, version } = write;
  const copies = async (holder: bigint, told = version) => {
    await queue.look(id, told, holder);
    return queue.get(id)?.copies;
  };
  assert.is(await copies(2n), 1);
  assert.is(await copies(2n), 1);
  assert.is(await copies(3n), 2);
  assert.is(await copies(4n, { time: 4n, node: 1n }), 2, 'an older version is none of them');
  assert.is(await copies(3n, { time: 6n, node: 1n }), 1, 'a newer one is held by whoever says so');
});

test('what has the fewest live copies is handed out first, in whatever order it was told', async () => {
  const queue = new RepairQueue(new MemoryStore().facts);
  const { version } = write;
  const copies = [3, 1, 16, 2, 1, 4];
  for (const [i, count] of copies.entries()) await queue.owe(OWNER, { id: BigInt(i), version, copies: count });
  // What others hold that is missing here: two nodes have 10, one has 11.
  for (const [id, holder] of [
    [10n, 3n],
    [10n, 4n],
    [11n, 3n],
  ] as const) {
    await queue.look(id, version, holder);
  }
  queue.retry(() => true);
  await queue.look(0n, { time: 6n, node: 1n }, 5n); // of a newer version there is one
  const order: number[] = [];
  for (let id = queue.next(); id !== undefined; id = queue.next()) order.push(Number(id));
  const copiesOf = (id: number) => ({ 0: 1, 10: 2, 11: 1 })[id] ?? copies[id]!;
  assert.equal([...order].sort(), [0, 1, 10, 11, 2, 3, 4, 5]);
  assert.equal(order.map(copiesOf), [1, 1, 1, 1, 2, 2, 4, 16]);
});

test('damage that is noted while its object is being repaired is looked at again', async () => {
  const queue = new RepairQueue(new MemoryStore().facts);
  const { id, version } = write;
  await queue.look(id, version, OWNER);
  assert.is(queue.next(), id);
  await queue.look(id);
  await queue.looked(id, version);
  queue.done(id);
  assert.is(queue.next(), id);
  await queue.looked(id, version);
  queue.done(id);
  assert.is(queue.next(), undefined);
  assert.is(queue.size, 0);
});

test('so is what a newer version is told of while its object is being repaired', async () => {
  const queue = new RepairQueue(new MemoryStore().facts);
  const { id, version } = write;
  const newer = { time: 6n, node: 1n };
  await queue.look(id, version, OWNER);
  assert.is(queue.next(), id);
  await queue.look(id, version, 3n);
  await queue.look(id, newer, 3n);
  await queue.looked(id, version);
  queue.done(id);
  assert.is(queue.next(), id);
  await queue.look(id, newer, OWNER);
  await queue.looked(id, newer);
  queue.done(id);
  assert.is(queue.next(), undefined, 'the same version again is no reason');
});

test('who held a version before it was looked at is asked anew how many copies there are', async () => {
  const queue = new RepairQueue(new MemoryStore().facts);
  const { id, version } = write;
  await queue.owe(OWNER, write);
  await queue.look(id, version, 3n);
  await queue.looked(id, version);
  await queue.look(id, version, 4n);
  assert.is(queue.get(id)?.copies, 1);
});

test('what this node lacks is counted once: ready, being repaired, or waiting, but not what another one lacks', async () => {
  const queue = new RepairQueue(new MemoryStore().facts);
  const { id, version } = write;
  await queue.look(id, version, 3n);
  assert.is(queue.lacking, 1, 'ready');
  assert.is(queue.next(), id);
  assert.is(queue.lacking, 1, 'being repaired');
  queue.done(id);
  assert.is(queue.next(), undefined);
  assert.is(queue.lacking, 1, 'waiting');
  await queue.owe(OWNER, write);
  assert.is(queue.lacking, 0, 'the owner counts it');
  await queue.confirm(OWNER, id, version);
  assert.is(queue.lacking, 1);
  await queue.looked(id, version);
  assert.is(queue.lacking, 0);
});

test.run();
