import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Member, PeerTable } from '../../src/cluster/peers.js';
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

test.run();
