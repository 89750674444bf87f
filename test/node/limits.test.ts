// Each limit of the transport, set in a configuration file, on a node that is attacked over UDP: what docs/security.md
// says under Bounds, from the key on.
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadConfig } from '../../src/config/load.js';
import { MurkyNode } from '../../src/node/murky-node.js';
import { versionToBytes } from '../../src/object/version.js';
import { RainClient } from '../../src/rain/client.js';
import type { Address } from '../../src/rain/contract.js';
import { cleanUp, temporaryFolder } from '../e2e/node-process.js';
import { codeOf } from '../failure.js';
import { noise } from '../rain/bytes.js';
import { listen, OUTER_BYTES, request, Sender, sealed, subscribe, Type, tokenOf, unsealed } from '../rain/packets.js';
import { readAll } from './local-cluster.js';

const MIB = 2 ** 20;
const RefuseBusy = 3;
const KEY = randomBytes(32);

interface Attacked {
  readonly node: MurkyNode;
  /** Holds what `node` reads, where it is a reader. */
  readonly owner: MurkyNode;
  readonly port: number;
  count(name: string): Promise<number>;
  /** Once it is at least so much, or has not risen for a second. */
  settled(name: string, least: number): Promise<number>;
}

interface Bound {
  readonly keys: Readonly<Record<string, unknown>>;
  readonly attack: (target: Attacked) => Promise<void>;
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const inner = (datagram: Buffer) => datagram.subarray(OUTER_BYTES);

/**
 * The rate of a count that rises, in its unit a second: what came in 0.8 s, by the time in which it came. It is looked at
 * only when nothing waits in a socket any more: what came while this thread could not run does not count as just come.
 */
async function rateOf(counted: () => number): Promise<number> {
  const settled = async () => {
    for (let seen = -1; seen < counted(); ) {
      seen = counted();
      await setImmediate();
    }
    return [counted(), performance.now()] as const;
  };
  await pause(200); // what may go back to back at first
  const [before, from] = await settled();
  await pause(800);
  const [after, to] = await settled();
  return ((after - before) / (to - from)) * 1000;
}

/** Nothing of this thread runs meanwhile, so that nothing is answered either. */
const standStill = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

async function attackers(count: number): Promise<Sender[]> {
  return Promise.all(Array.from({ length: count }, () => Sender.open()));
}

/** What a sender is told that proves its address. */
async function proof(sender: Sender, port: number): Promise<Buffer> {
  const seen = sender.received.length;
  await sender.send(port, unsealed(subscribe({ ranges: [] })));
  return tokenOf(inner((await sender.arrivals(seen + 1))[seen]!));
}

/** Ten subscriptions of each of three; returns how many of each were begun. */
async function subscribeFromThree(port: number): Promise<number[]> {
  const begun: number[] = [];
  for (const sender of await attackers(3)) {
    const token = await proof(sender, port);
    for (let fetch = 1; fetch <= 10; fetch++)
      await sender.send(port, unsealed(subscribe({ token, fetch, ranges: [] })));
    await pause(100);
    const refused = sender.received.map(inner).filter((one) => one[0] === Type.Refuse && one[1] === RefuseBusy);
    begun.push(10 - refused.length);
    sender.close();
  }
  return begun;
}

/** Twenty requests of each of three, all there before the first can be answered; returns the answers to each. */
async function askFromThree({ port }: Attacked): Promise<number[]> {
  const senders = await attackers(3);
  const tokens: Buffer[] = [];
  for (const sender of senders) tokens.push(await proof(sender, port));
  const lookup = Buffer.concat([Buffer.of(1), randomBytes(8)]);
  const sent = senders.flatMap((sender, i) =>
    Array.from({ length: 20 }, (_, n) => sender.send(port, unsealed(request(BigInt(n), lookup, tokens[i]!)))),
  );
  await Promise.resolve();
  process.nextTick(() => standStill(300));
  await Promise.all(sent);
  await pause(200);
  return senders.map((sender) => {
    sender.close();
    return sender.received.map(inner).filter((one) => one[0] === Type.Response).length;
  });
}

/** Asks for all that a server has, at 4 Gbit/s; returns the bits of IP payload a second that two such clients get. */
async function ratesOfTwo({ node, port }: Attacked): Promise<number[]> {
  await node.put('large', noise(2 * MIB));
  const { id, version } = await node.head('large');
  const ranges = [0, 1].map((block) => ({ number: block + 1, block, from: 0, count: 1 << 20 }));
  const wanted = { resource: id, version: versionToBytes(version), rateKbit: 4e6, ranges };
  const rates = (await attackers(2)).map(async (sender) => {
    const token = await proof(sender, port);
    let heartbeat = 0;
    const asking = setInterval(() => {
      void sender.send(port, unsealed(subscribe({ ...wanted, token, heartbeat: ++heartbeat })));
    }, 50);
    const bits = () => sender.received.reduce((sum, { length }) => sum + (length + 8) * 8, 0);
    const rate = await rateOf(bits);
    clearInterval(asking);
    sender.close();
    return rate;
  });
  return Promise.all(rates);
}

const GROUP = '239.255.19.81';
const groupPort = await freePort();

async function freePort(): Promise<number> {
  const sender = await Sender.open();
  sender.close();
  return sender.port;
}

/** Two listeners lack all of a large object; returns the bits of IP payload a second that are poured to the group. */
async function rateOfTheGroup({ node, port }: Attacked): Promise<number> {
  await node.put('large', noise(2 * MIB));
  const { id, version } = await node.head('large');
  const group = createSocket({ type: 'udp4', reuseAddr: true }).bind(groupPort, GROUP);
  await once(group, 'listening');
  group.addMembership(GROUP, '127.0.0.1');
  let bits = 0;
  group.on('message', ({ length }) => {
    bits += (length + 8) * 8;
  });
  const listeners = (await attackers(2)).map(async (sender) => {
    const token = await proof(sender, port);
    await sender.send(port, unsealed(subscribe({ token, resource: id, version: versionToBytes(version), ranges: [] })));
    const telling = setInterval(() => void sender.send(port, unsealed(listen(9, 0, 1))), 50);
    return () => {
      clearInterval(telling);
      sender.close();
    };
  });
  const ends = await Promise.all(listeners);
  const rate = await rateOf(() => bits);
  for (const end of ends) end();
  group.close();
  return rate;
}

const BOUNDS: readonly Bound[] = [
  {
    keys: { 'pouring-rain.max-subscriptions-per-peer': 4 },
    attack: async ({ port }) => assert.equal(await subscribeFromThree(port), [4, 4, 4]),
  },
  {
    keys: { 'pouring-rain.max-subscriptions': 6, 'pouring-rain.max-subscriptions-per-peer': 4 },
    attack: async ({ port, count }) => {
      assert.equal(await subscribeFromThree(port), [4, 2, 0]);
      assert.is(await count('subscriptionsActive'), 6);
    },
  },
  {
    keys: { 'pouring-rain.max-inbound-requests-per-peer': 4 },
    attack: async (target) => {
      assert.equal(await askFromThree(target), [4, 4, 4]);
      assert.is(await target.count('droppedLimit'), 48);
    },
  },
  {
    keys: { 'pouring-rain.max-inbound-requests': 6 },
    attack: async (target) => {
      assert.is(
        (await askFromThree(target)).reduce((a, b) => a + b),
        6,
      );
      assert.is(await target.count('droppedLimit'), 54);
    },
  },
  {
    keys: { 'pouring-rain.max-strangers-per-second': 100, 'cluster.key-file': 'cluster.key' },
    attack: async ({ port, settled, count }) => {
      const started = performance.now();
      for (const sender of await attackers(20)) {
        for (let n = 0; n < 20; n++) {
          await sender.send(port, sealed(randomBytes(32), subscribe(), randomBytes(8).readBigUInt64BE(), 0n));
        }
        sender.close();
      }
      await settled('datagramsIn', 400);
      const [dropped, tried] = [await count('droppedStrangers'), await count('droppedForged')];
      // 32 back to back, then 100 a second; with the default of 10,000 all 400 would have been tried.
      assert.ok(tried <= 33 + (performance.now() - started) / 10, `${tried} were tried`);
      assert.is(dropped + tried, 400);
    },
  },
  {
    keys: { 'pouring-rain.max-rate-bits-per-second': 4e6 },
    attack: async (target) => {
      const [one = 0, other = 0] = await ratesOfTwo(target);
      assert.ok(one + other > 2e6 && one + other < 4.4e6, `${one} and ${other}`);
    },
  },
  {
    keys: { 'pouring-rain.max-rate-per-peer-bits-per-second': 2e6 },
    attack: async (target) => {
      for (const rate of await ratesOfTwo(target)) assert.ok(rate > 1e6 && rate < 2.2e6, `${rate}`);
    },
  },
  {
    keys: {
      'pouring-rain.multicast-max-rate-bits-per-second': 4e6,
      'pouring-rain.multicast-group': `${GROUP}:${groupPort}`,
      'cluster.insecure': true,
    },
    attack: async (target) => {
      const rate = await rateOfTheGroup(target);
      assert.ok(rate > 2e6 && rate < 4.4e6, `${rate}`);
    },
  },
  {
    keys: { 'pouring-rain.block-cache-bytes': MIB },
    attack: async ({ node, port, count }) => {
      await node.put('large', noise(4 * MIB));
      const client = await RainClient.open();
      const servers = [`127.0.0.1:${port}`];
      for (let time = 0; time < 3; time++) await client.fetch('large', { servers });
      // Each was read anew but for the last one; with the default of 64 MiB none would have been.
      const asked = await count('blocksAsked');
      assert.ok(asked >= 10, `${asked} blocks were read`);
      await client.close();
    },
  },
  {
    keys: { 'pouring-rain.max-fetches': 2, 'cluster.weight': 0 },
    attack: async ({ node, owner }) => {
      const keys = ['1', '2', '3', '4', '5', '6'];
      for (const key of keys) await owner.put(key, noise(MIB, Number(key)));
      const reads = keys.map((key) => codeOf(readAll(node, key)));
      assert.equal((await Promise.all(reads)).sort(), [
        ...Array(4).fill('MURKY_BUSY'),
        ...Array(2).fill('it did not fail'),
      ]);
      assert.is(await codeOf(readAll(node, '6')), 'it did not fail');
    },
  },
  {
    keys: { 'pouring-rain.fetch-window-bytes': 2 * MIB, 'cluster.weight': 0 },
    attack: async ({ node, owner, count, settled }) => {
      await owner.put('large', noise(20 * MIB));
      const { body } = await node.get('large'); // and is not read
      // One that was handed on, and what is ahead of it; with the default it would be 12.
      assert.ok((await settled('blocksDecoded', 20)) <= 4, `${await count('blocksDecoded')} blocks`);
      await body[Symbol.asyncIterator]().return?.();
    },
  },
];

async function start(keys: Readonly<Record<string, unknown>>, listed: readonly Address[] = []): Promise<MurkyNode> {
  const folder = temporaryFolder();
  const base = { 'pouring-rain.host': '127.0.0.1', 'pouring-rain.port': 0, 'servers-list': 'servers.json' };
  writeFileSync(join(folder, 'cluster.key'), `${KEY.toString('hex')}\n`, { mode: 0o600 });
  writeFileSync(join(folder, 'servers.json'), JSON.stringify(listed));
  writeFileSync(join(folder, 'murky-config.json'), JSON.stringify({ ...base, ...keys }));
  return MurkyNode.start(loadConfig({ cwd: folder, env: {} }).config);
}

async function addressOf(node: MurkyNode): Promise<Address> {
  const { host, port } = (await node.status()).rain;
  return { host, port };
}

function attacked(node: MurkyNode, owner: MurkyNode, port: number): Attacked {
  const count = async (name: string) => (await node.status()).transport[name]!;
  const settled = async (name: string, least: number) => {
    let last = -1;
    for (let now = await count(name); now < least && now > last; now = await count(name)) {
      last = now;
      await pause(1000);
    }
    return last;
  };
  return { node, owner, port, count, settled };
}

for (const { keys, attack } of BOUNDS) {
  test(`${Object.keys(keys)[0]} holds under attack`, async () => {
    const reads = 'cluster.weight' in keys;
    const owner = reads ? await start({ 'pouring-rain.max-rate-bits-per-second': 50e6 }) : undefined;
    const listed = owner ? [await addressOf(owner)] : [];
    const node = await start(keys, listed);
    try {
      await attack(attacked(node, owner ?? node, (await addressOf(node)).port));
    } finally {
      await node.close();
      await owner?.close();
    }
  });
}

test.after(cleanUp);

test.run();
