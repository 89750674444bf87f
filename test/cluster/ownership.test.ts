import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Ownership } from '../../src/cluster/ownership.js';
import type { Member } from '../../src/cluster/peers.js';
import { VirtualTime } from '../simulation/virtual-clock.js';

test('from its start on it knows the members that were read since somebody asked for owners', () => {
  const members: Member[] = [];
  const address = { host: '10.0.0.2', port: 1980 };
  const described = { weight: 1, zone: '', standby: false, incarnation: 0, suspect: false, awaySinceMs: 0 };
  const ownership = new Ownership(
    { replicas: 3, graceSeconds: 600 },
    { clock: new VirtualTime().clock(), self: () => ({ id: 1n, weight: 1 }), members: () => members },
  );
  assert.equal(ownership.of(7n), { self: true, others: [] });
  members.push({ ...described, id: 2n, contact: address, address, state: 'away' });
  ownership.start();
  assert.equal(ownership.of(7n), { self: true, others: members });
  ownership.close();
});

test.run();
