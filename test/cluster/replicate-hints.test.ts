import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Handover } from '../../src/cluster/handover.js';
import type { Member } from '../../src/cluster/peers.js';
import { RepairQueue } from '../../src/cluster/repair/queue.js';
import { Replication } from '../../src/cluster/replication.js';
import { MurkyError } from '../../src/errors.js';
import { tombstone } from '../../src/object/manifest.js';
import type { RainNetwork } from '../../src/rain/contract.js';
import { sleep } from '../../src/seam/clock.js';
import { silentLog } from '../../src/seam/log.js';
import { MemoryStore } from '../simulation/memory-store.js';
import { VirtualTime } from '../simulation/virtual-clock.js';
import { World } from '../simulation/world.js';

const address = (n: number) => ({ host: `10.0.0.${n}`, port: 1980 });
const memberOf = (n: number, state: 'alive' | 'away') =>
  ({ id: BigInt(n), state, address: address(n), contact: address(n) }) as Member;

test('an owner that goes away while the hint for another one is written has its hint, too', async () => {
  const time = new VirtualTime();
  const clock = time.clock();
  const store = new MemoryStore();
  const { facts } = store;
  const queue = new RepairQueue({
    get: (key) => facts.get(key),
    delete: (key) => facts.delete(key),
    entries: (prefix) => facts.entries(prefix),
    put: (key, value) => sleep(clock, 20).then(() => facts.put(key, value)),
  });
  const [away, leaving] = [memberOf(2, 'away'), memberOf(3, 'alive')];
  const owners = () => ({ self: true, others: [leaving, away] });
  const onNewer = () => {};
  const rain = {} as RainNetwork;
  const handover = new Handover({ rain, store, clock, log: silentLog, queue, owners, onNewer });
  const pullHere = async () => ({ kind: 'durable' }) as const;
  const options = { writeQuorum: 1, writeTimeoutMs: 1000 };
  const replication = new Replication(options, handover, { clock, owners, onNewer, pullHere });
  const manifest = tombstone('key', { time: 7n, node: 1n });
  const replicated = replication.replicate(manifest, true);
  clock.after(10, () => {
    leaving.state = 'away';
  });
  await time.until(replicated);
  await time.run(1000);
  assert.equal(queue.get(manifest.id)?.owed.toSorted(), [2n, 3n]);
  await handover.close();
});

test('a disk that takes no hint keeps no write from the owners that are there', async () => {
  const world = new World();
  const [a, b, c] = await world.startAll(3);
  await world.kill(3);
  await world.time.run(10_000);
  const put = a!.store.facts.put.bind(a!.store.facts);
  a!.store.facts.put = async () => {
    throw new MurkyError('MURKY_DISK_FULL', 'The disk is full.');
  };
  const { durable, quorum, manifest } = await a!.put('key', Buffer.from('value'));
  assert.equal({ durable, quorum }, { durable: 2, quorum: 2 });
  assert.ok(b!.holds(manifest.id));
  a!.store.facts.put = put;
  const back = await world.start(3, [1, 2, 3]);
  assert.is(back.id, c!.id);
  await world.time.run(10_000);
  assert.ok(back.holds(manifest.id), 'it is brought what it is owed while the writer runs');
  await world.closeAll();
});

test('what an owner holds counts, also where this node cannot note that it has it', async () => {
  const world = new World();
  const [a, b] = await world.startAll(2);
  const { facts } = a!.store;
  const resume = b!.store.resume.bind(b!.store);
  b!.store.resume = (manifest) => sleep(world.time.clock(), 2000).then(() => resume(manifest)); // a hint is kept meanwhile
  const put = facts.put.bind(facts);
  facts.put = async (key, value) => {
    if (key.startsWith('repair/')) throw new MurkyError('MURKY_DISK_FULL', 'The disk is full.');
    await put(key, value);
  };
  facts.delete = async () => {
    throw new MurkyError('MURKY_DISK_FULL', 'The disk is full.');
  };
  const { durable } = await a!.put('key', Buffer.from('value'));
  assert.is(durable, 2);
  await world.closeAll();
});

test.run();
