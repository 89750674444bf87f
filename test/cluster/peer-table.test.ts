import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_PEERS, type Member, PeerTable } from '../../src/cluster/peers.js';
import { MemoryStore } from '../simulation/memory-store.js';

const address = { host: '10.0.0.2', port: 1980 };
const member: Member = {
  ...{ id: 2n, contact: address, address, weight: 1, zone: '', standby: false },
  ...{ incarnation: 1, state: 'alive', suspect: false, awaySinceMs: undefined },
};

test('a peer that could not be written down is written down the next time', async () => {
  const { facts } = new MemoryStore();
  let full = true;
  const table = new PeerTable({
    get: (key) => facts.get(key),
    delete: (key) => facts.delete(key),
    entries: (prefix) => facts.entries(prefix),
    put: (key, value) => (full ? Promise.reject(new Error('the disk is full')) : facts.put(key, value)),
  });
  table.add(member);
  await table.remember(member).catch(() => {});
  full = false;
  await table.remember(member);
  const restarted = new PeerTable(facts);
  await restarted.load(() => true, 0);
  assert.is(restarted.get(2n)?.state, 'away');
});

test('a write that fails late does not have what was written since written again', async () => {
  const { facts } = new MemoryStore();
  let fail = () => {};
  let puts = 0;
  const table = new PeerTable({
    get: (key) => facts.get(key),
    delete: (key) => facts.delete(key),
    entries: (prefix) => facts.entries(prefix),
    put: (key, value) => {
      if (puts++ > 0) return facts.put(key, value);
      return new Promise((_, reject) => {
        fail = () => reject(new Error('the disk is full'));
      });
    },
  });
  table.add(member);
  const early = table.remember(member).catch(() => {});
  const changed = { ...member, weight: 2 };
  await table.remember(changed);
  fail();
  await early;
  await table.remember(changed);
  assert.is(puts, 2);
});

test('a full table lets go of one that has left, takes nobody while nobody has, and writes down who is back', async () => {
  const { facts } = new MemoryStore();
  const table = new PeerTable(facts);
  const others: Member[] = [];
  for (let i = 0; i < MAX_PEERS; i++) others.push({ ...member, id: BigInt(i + 2) });
  for (const other of others) table.add(other);
  const one: Member = { ...member, id: 1n };
  assert.is(table.add(one), undefined);
  const left = others[7]!;
  left.state = 'left';
  await table.remember(left);
  assert.is(table.add(one), one);
  assert.is(table.size, MAX_PEERS);
  assert.is(table.get(left.id), undefined);
  const kept = async () => {
    const restarted = new PeerTable(facts);
    await restarted.load(() => false, 0);
    return [...restarted.all()].map(({ id }) => id);
  };
  assert.equal(await kept(), []);
  await table.remove(one.id);
  table.add(left);
  await table.remember(left);
  assert.equal(await kept(), [left.id]);
});

test.run();
