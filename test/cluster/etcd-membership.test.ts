import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EtcdMembership, type EtcdMembershipSeams } from '../../src/cluster/etcd/etcd-membership.js';
import { encodeEntry } from '../../src/cluster/etcd/node-entry.js';
import { MurkyError } from '../../src/errors.js';
import type { Etcd } from '../../src/etcd/contract.js';
import type { RainNetwork } from '../../src/rain/contract.js';
import { silentLog } from '../../src/seam/log.js';
import { MemoryEtcd } from '../simulation/memory-etcd.js';
import { MemoryStore } from '../simulation/memory-store.js';
import { SimulatedNetwork } from '../simulation/simulated-network.js';
import { seededRandom, VirtualTime } from '../simulation/virtual-clock.js';

const settings = { replicas: 3, writeQuorum: 'majority', graceSeconds: 600 } as const;

/** A watch over a connection that was cut off without a word: nothing comes, and it does not end. */
const cutOff = (etcd: Etcd): Etcd => ({
  ...etcd,
  async *watch(_prefix, _fromRevision, signal) {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    signal.throwIfAborted(); // as the real client does
  },
});

/** Memberships of nodes on one simulated etcd. */
function begin() {
  const time = new VirtualTime();
  const random = seededRandom(1);
  const address = (n: number) => ({ host: `10.0.0.${n}`, port: 1980 });
  const etcd = new MemoryEtcd(new SimulatedNetwork(time, random), address(200));
  const start = async (n: number, wrap = (one: Etcd) => one, seams: Partial<EtcdMembershipSeams> = {}) => {
    const membership = new EtcdMembership(
      { id: BigInt(n), weight: 1, zone: '', standby: false, settings, prefix: 'test', leaseSeconds: 5 },
      {
        etcd: wrap(etcd.client(address(n), time.clock())),
        rain: { address: address(n) } as RainNetwork,
        facts: new MemoryStore().facts,
        clock: time.clock(),
        random,
        log: silentLog,
        resolve: async (contact) => [contact],
        ...seams,
      },
    );
    await time.until(membership.start());
    return membership;
  };
  return { time, etcd: etcd.client(address(201), time.clock()), start };
}

test('changes are heard of within a minute or so where a watch was cut off without a word', async () => {
  const { time, start } = begin();
  const one = await start(1, cutOff);
  await time.run(5000);
  const two = await start(2);
  const stateOfTwo = () => one.members().map(({ state }) => state);
  await time.run(62_000);
  assert.equal(stateOfTwo(), ['alive']);
  await time.until(two.close());
  await time.run(70_000);
  assert.equal(stateOfTwo(), ['away']);
  await time.until(one.close());
});

test('nodes that left long ago leave room for those that run, however many', async () => {
  const { time, etcd, start } = begin();
  const contact = { host: '10.0.0.99', port: 1980 };
  const entry = encodeEntry({ contact, weight: 1, zone: '', standby: false, left: true, settings });
  for (let id = 1000; id < 4000; id++) {
    await time.until(etcd.put(`test/nodes/member/${id.toString(16).padStart(16, '0')}`, entry));
  }
  const one = await start(1);
  await time.run(5000);
  const two = await start(2);
  await time.run(10_000);
  const states = [one, two].map((node) => node.members().map(({ id, state }) => `${id} ${state}`));
  assert.equal(states, [['2 alive'], ['1 alive']]);
  await time.until(one.close());
  await time.until(two.close());
});

test('a node whose name is gone with it counts as away', async () => {
  const { time, etcd, start } = begin();
  const entry = { contact: { host: 'two.example', port: 1980 }, weight: 1, zone: '', standby: false, left: false };
  const id = '0000000000000002';
  await time.until(etcd.put(`test/nodes/member/${id}`, encodeEntry({ ...entry, settings })));
  const lease = await time.until(etcd.grantLease(5));
  await time.until(etcd.put(`test/nodes/running/${id}`, 'boot', lease));
  let named = true;
  const resolve = async () => {
    if (!named) throw new MurkyError('MURKY_NODE_UNREACHABLE', 'The host name does not resolve to an address.');
    return [{ host: '10.0.0.2', port: 1980 }];
  };
  const one = await start(1, undefined, { resolve });
  await time.run(2000);
  assert.equal(
    one.members().map(({ state }) => state),
    ['alive'],
  );
  named = false;
  await time.run(10_000); // its lease runs out
  assert.equal(
    one.members().map(({ state }) => state),
    ['away'],
  );
  await time.until(one.close());
});

test('one name that no name server answers for holds up no other node, and not the end', async () => {
  const { time, etcd, start } = begin();
  const runs = async (n: number, host: string) => {
    const id = n.toString(16).padStart(16, '0');
    const entry = { contact: { host, port: 1980 }, weight: 1, zone: '', standby: false, left: false, settings };
    await time.until(etcd.put(`test/nodes/member/${id}`, encodeEntry(entry)));
    const lease = await time.until(etcd.grantLease(600));
    await time.until(etcd.put(`test/nodes/running/${id}`, 'boot', lease));
  };
  await runs(2, 'slow.example');
  await runs(3, '10.0.0.3');
  await runs(4, 'four.example');
  const never = new Promise<never>(() => {});
  const resolve = ({ host }: { host: string }) =>
    host === 'slow.example' ? never : Promise.resolve([{ host: '10.0.0.4', port: 1980 }]);
  const one = await start(1, undefined, { resolve });
  await time.run(2000);
  assert.equal(
    one
      .members()
      .map(({ id, state }) => `${id} ${state}`)
      .sort(),
    ['3 alive', '4 alive'],
  );
  await time.until(one.close());
});

test('two that run with one id both hear of it, and keep saying that the id runs', async () => {
  const { time, etcd, start } = begin();
  const one = await start(1);
  await time.run(2000);
  assert.equal(one.conflicts(), []);
  const other = await start(2);
  await time.run(2000);
  const copy = await start(1, undefined, { rain: { address: { host: '10.0.0.3', port: 1980 } } as RainNetwork });
  await time.run(5000);
  const told = /^Another running node has the id of this one\. A data folder was copied: /;
  for (const twin of [one, copy]) {
    assert.is(twin.conflicts().length, 1);
    assert.match(twin.conflicts()[0]!, told);
  }
  assert.equal(other.conflicts(), []);
  // They do not overwrite each other for ever.
  const revision = async () => (await time.until(etcd.get('test/nodes/running/0000000000000001'))).entry?.modRevision;
  const settled = await revision();
  await time.run(30_000);
  assert.is(await revision(), settled);
  assert.equal(
    other.members().map(({ id, state }) => `${id} ${state}`),
    ['1 alive'],
  );
  for (const node of [one, copy, other]) await time.until(node.close());
});

test('a restart within the lease of the run before is no second node', async () => {
  const { time, start } = begin();
  const before = await start(1);
  await time.run(2000);
  await time.until(before.close()); // as at a crash its key stays until the lease is over
  const again = await start(1);
  await time.run(20_000);
  assert.equal(again.conflicts(), []);
  await time.until(again.close());
});

test('a goodbye that etcd does not take leaves the node a member', async () => {
  const { time, etcd, start } = begin();
  let reached = true;
  const one = await start(1, (client) => ({
    ...client,
    put: (...args) => (reached ? client.put(...args) : Promise.reject(new MurkyError('MURKY_NO_REGISTRY', 'Away.'))),
  }));
  await time.run(2000);
  reached = false;
  const failed = await time.until(
    one.leave().then(
      () => undefined,
      (error) => error,
    ),
  );
  assert.ok(failed instanceof MurkyError);
  reached = true;
  one.reweigh(1);
  await time.run(20_000);
  const { entries } = await time.until(etcd.list('test/nodes/', 10));
  assert.equal(entries.map(({ key }) => key.split('/')[2]).sort(), ['member', 'running']);
  const member = entries.find(({ key }) => key.includes('/member/'));
  assert.is(JSON.parse(member!.value).left, false);
  await time.until(one.close());
});

test.run();
