import { setTimeout as wait } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Handover } from '../../src/cluster/handover.js';
import type { Member } from '../../src/cluster/peers.js';
import { encodeAnswer } from '../../src/cluster/propagate-message.js';
import { RepairQueue } from '../../src/cluster/repair/queue.js';
import { MurkyError } from '../../src/errors.js';
import { tombstone } from '../../src/object/manifest.js';
import { type RainNetwork, RequestKind } from '../../src/rain/contract.js';
import { RainEndpoint } from '../../src/rain/endpoint.js';
import { type Clock, systemClock } from '../../src/seam/clock.js';
import { silentLog } from '../../src/seam/log.js';
import { MemoryStore } from '../simulation/memory-store.js';
import { VirtualTime } from '../simulation/virtual-clock.js';

const write = (n: number) => tombstone(`key ${n}`, { time: 7n, node: 1n });

function handoverOf(
  rain: RainNetwork,
  clock: Clock,
  owner: Member,
  store = new MemoryStore(),
  queue = new RepairQueue(store.facts),
): Handover {
  const owners = () => ({ self: true, others: [owner] });
  return new Handover({ rain, store, clock, log: silentLog, queue, owners, onNewer: () => {} });
}

test('an owner that is brought very much is still reached with other questions', async () => {
  const [here, there] = [await RainEndpoint.open(), await RainEndpoint.open()];
  let asked = 0;
  there.onRequest(RequestKind.Propagate, async () => {
    asked += 1;
    await wait(1000);
    return encodeAnswer({ kind: 'durable' });
  });
  there.onRequest(RequestKind.Ping, async () => Buffer.from('here'));
  const owner = { id: 2n, state: 'alive', address: there.address, contact: there.address } as Member;
  const handover = handoverOf(here, systemClock, owner);
  const options = { holders: () => [], repair: false, onProgress: () => {} };
  const all = Array.from({ length: 400 }, (_, n) => handover.start(owner, write(n), options).catch(() => {}));
  await wait(300);
  assert.ok(asked >= 64, `${asked} are on their way`);
  const answer = await here.request(there.address, RequestKind.Ping, Buffer.from('?'), { timeoutMs: 400 });
  assert.is(Buffer.from(answer).toString(), 'here');
  await handover.close();
  await Promise.all(all);
  await Promise.all([here.close(), there.close()]);
});

test('an owner that is busy is not taken for silent', async () => {
  const time = new VirtualTime();
  const clock = time.clock();
  const rain = {
    async request() {
      if (clock.monotonic() < 15_000) throw new MurkyError('MURKY_BUSY', 'As many as it may.');
      return encodeAnswer({ kind: 'durable' });
    },
  } as unknown as RainNetwork;
  const address = { host: '10.0.0.2', port: 1980 };
  const owner = { id: 2n, state: 'alive', address, contact: address } as Member;
  const handover = handoverOf(rain, clock, owner);
  const delivered = await time.until(
    handover.start(owner, write(1), { holders: () => [], repair: false, onProgress: () => {} }),
  );
  assert.is(delivered.kind, 'durable');
});

test('of what is over 4352 deliveries there is a hint, and no delivery', async () => {
  let asked = 0;
  const rain = {
    request() {
      asked += 1;
      return new Promise(() => {}); // never
    },
  } as unknown as RainNetwork;
  const address = { host: '10.0.0.2', port: 1980 };
  const store = new MemoryStore();
  const queue = new RepairQueue(store.facts);
  const owners = Array.from({ length: 5 }, (_, n) => ({ id: BigInt(n + 2), state: 'alive', address }) as Member);
  const handover = handoverOf(rain, new VirtualTime().clock(), owners[0]!, store, queue);
  const options = { holders: () => [], repair: false, onProgress: () => {} };
  for (let n = 0; n < 4352; n++) handover.start(owners[n % 5]!, write(n), options).catch(() => {});
  assert.is(queue.count(2n), 0);
  const delivered = await handover.start(owners[0]!, write(4352), options);
  assert.is(delivered.kind, 'silent');
  assert.is(queue.count(2n), 1);
  assert.is(asked, 256, 'so many run');
});

test.run();
