import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Doubts } from '../../src/cluster/doubts.js';
import type { MemberRecord } from '../../src/cluster/member-record.js';
import type { Member } from '../../src/cluster/peers.js';
import { Exchange } from '../../src/cluster/swim/exchange.js';
import { Gossip } from '../../src/cluster/swim/gossip.js';
import { decodePing, encodePing, type Ping } from '../../src/cluster/swim/ping-message.js';
import { Prober } from '../../src/cluster/swim/prober.js';
import type { Roster } from '../../src/cluster/swim/roster.js';
import type { Address, RainNetwork } from '../../src/rain/contract.js';
import { seededRandom, VirtualTime } from '../simulation/virtual-clock.js';

const SELF = 1000n;
const ASKER = 2000n;
const settings = { replicas: 3, writeQuorum: 'majority', graceSeconds: 600 } as const;

/** What is known of nodes 1 to 16, whose names are so long that not all of it fits a datagram. */
const record = (id: bigint): MemberRecord => ({
  id,
  incarnation: 1,
  status: 'away',
  ageMs: 0,
  weight: 1,
  zone: 'z'.repeat(32),
  standby: false,
  contact: { host: `${'n'.repeat(100)}${id}.example`, port: 1980 },
});

test('news that does not fit a PING is told with the next ones, as often as any other', async () => {
  const gossip = new Gossip(() => 17);
  const ids = Array.from({ length: 16 }, (_, i) => BigInt(i + 1));
  for (const id of ids) gossip.add(id);
  gossip.add(ASKER); // news of the asker itself is nothing to it, and not kept for that
  const roster = {
    gossip,
    record,
    beliefOf: () => ({ incarnation: 0, status: 'alive' }),
    digestWith: () => 1n,
    get: () => undefined,
    heard: () => undefined,
  } as unknown as Roster;
  let answer: (payload: Uint8Array, from: Address) => Promise<Uint8Array> = () => Promise.reject();
  const onRequest = (_: number, handler: typeof answer) => {
    answer = handler;
  };
  const rain = { onRequest } as unknown as RainNetwork;
  const own = { id: SELF, boot: 1n, weight: 1, zone: '', standby: false };
  const seams = { rain, clock: new VirtualTime().clock() };
  const hooks = { onDigest: () => {}, onSlander: () => {} };
  const exchange = new Exchange(own, settings, false, roster, {} as Doubts, seams, hooks);
  exchange.start(1);

  const ping: Ping = {
    self: { id: ASKER, boot: 2n, incarnation: 1, weight: 1, zone: '', standby: false, left: false },
    to: SELF,
    belief: { incarnation: 1, status: 'alive' },
    wallMs: 0,
    settings,
    digest: 0n,
    news: [],
  };
  const told = new Map<bigint, number>();
  for (let asked = 0; !gossip.quiet && asked < 1000; asked++) {
    const { news } = decodePing(await answer(encodePing(ping).bytes, { host: '10.0.0.1', port: 1 }));
    assert.ok(news.length < 16);
    for (const { id } of news) told.set(id, (told.get(id) ?? 0) + 1);
  }
  assert.ok(gossip.quiet);
  // 4 log10(n) times, n rounded up to the next power of ten.
  for (const id of ids) assert.is(told.get(id), 8, `node ${id}`);
});

test('a member that comes and goes all the time does not keep the others from being asked', async () => {
  const member = (id: bigint) => ({ id, state: 'alive', address: { host: '10.0.0.1', port: Number(id) } }) as Member;
  const members = Array.from({ length: 5 }, (_, i) => member(BigInt(i + 1)));
  const asked: bigint[] = [];
  const roster = {
    doubted: new Set(),
    alive: () => [...members],
    get: (id: bigint) => members.find((one) => one.id === id),
  } as unknown as Roster;
  const exchange = {
    async ping(_: Address, id: bigint) {
      asked.push(id);
      return { id, self: false, member: undefined, wasSlandered: false };
    },
  } as unknown as Exchange;
  const seams = { rain: {} as RainNetwork, clock: new VirtualTime().clock(), random: seededRandom(1) };
  const prober = new Prober(roster, exchange, 1000, seams);
  for (let times = 0; times < 100; times++) prober.onAlive(members[0]!);
  for (let period = 0; period < 2 * members.length; period++) await prober.probe();
  assert.is(new Set(asked).size, members.length);
});

test.run();
