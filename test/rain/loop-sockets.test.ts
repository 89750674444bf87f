import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { addon, type LoopOptions, ServerState } from '../../src/native/addon.js';
import { RealLoop, randomBlocks } from './real-loop.js';

const key = randomBytes(32);
const keys = [key];

async function fetches(server: Partial<LoopOptions>, client: Partial<LoopOptions>, reach?: string): Promise<void> {
  const blocks = [randomBytes(1), ...randomBlocks(2), randomBytes(2 ** 20)];
  const from = new RealLoop(server, blocks);
  const to = new RealLoop(client);
  const host = reach ?? from.loop.address().host;
  const got = await to.fetch([{ host, port: from.port }], blocks);
  assert.ok(got.every((bytes, i) => blocks[i]!.equals(bytes)));
  assert.is(to.loop.counters().blocksDecoded, blocks.length);
  from.loop.close();
  to.loop.close();
}

test('all kinds of sockets fetch from each other, sealed and in clear', async () => {
  const kinds = ['portable', 'batched', 'gso'] as const;
  for (const server of kinds) {
    for (const client of kinds) {
      const seal = server === client ? { keys } : {};
      await fetches({ socket: server, ...seal }, { socket: client, ...seal });
    }
  }
});

test('the environment chooses the kind of socket too', async () => {
  const linux = process.platform === 'linux';
  const expected = [
    ['portable', false, false],
    ['batched', linux, false],
    ['gso', linux, linux],
  ] as const;
  for (const [kind, batchedSocket, gso] of expected) {
    process.env.MURKY_SOCKET = kind;
    const features = addon().transportFeatures();
    assert.equal([features.batchedSocket, features.gso, features.gro], [batchedSocket, gso, gso], kind);
    await fetches({}, {});
  }
  delete process.env.MURKY_SOCKET;
  assert.is(addon().transportFeatures().gso, linux);
});

test('several threads serve and fetch as one', async () => {
  for (const socket of ['portable', 'gso'] as const) {
    const blocks = randomBlocks(4);
    const server = new RealLoop({ keys, threads: 3, socket }, blocks);
    const clients = Array.from({ length: 4 }, () => new RealLoop({ keys, threads: 2, socket }));
    const at = { host: server.loop.address().host, port: server.port };
    // One after the other on each of its threads.
    const got = await Promise.all(
      clients.map(async (client) => [await client.fetch([at], blocks), await client.fetch([at], blocks)]),
    );
    for (const bytes of got.flat()) assert.ok(bytes.every((one, i) => blocks[i]!.equals(one)));
    for (const client of [...clients, server]) client.loop.close();
  }
});

test('a port is not shared with another program, whatever its threads', () => {
  const first = new RealLoop({ keys, threads: 2 });
  for (const threads of [1, 2]) {
    let code: unknown;
    try {
      new RealLoop({ keys, threads, port: first.port }).loop.close();
    } catch (error) {
      code = (error as NodeJS.ErrnoException).code;
    }
    assert.is(code, 'EADDRINUSE');
  }
  first.loop.close();
});

test('IPv6, and IPv4 through a socket that takes both', async () => {
  const v6 = { host: '::1' };
  const both = { host: '::', loopbackOnly: false, keys };
  await fetches(v6, v6);
  await fetches(both, { ...v6, keys }, '::1');
  await fetches(both, { keys }, '127.0.0.1');
  await fetches({ keys }, both);
});

test('loss on purpose is made up for', async () => {
  const blocks = randomBlocks(3);
  const server = new RealLoop({ dropFraction: 0.2 }, blocks);
  const client = new RealLoop();
  const got = await client.fetch([{ host: '127.0.0.1', port: server.port }], blocks);
  assert.ok(got.every((bytes, i) => blocks[i]!.equals(bytes)));
  const { symbolsSent, droppedOnPurpose } = server.loop.counters();
  assert.ok(droppedOnPurpose! > symbolsSent! / 10);
  server.loop.setDropFraction(0);
  client.loop.close();
  server.loop.close();
});

test('requests are answered with their own payload, up to 1172 bytes', async () => {
  const server = new RealLoop();
  const client = new RealLoop();
  for (const [id, length] of [0, 1, 1172].entries()) {
    const payload = randomBytes(length);
    assert.ok(client.loop.request(BigInt(id), '127.0.0.1', server.port, payload, 5000));
    const answer = await client.event('response', (response) => response.id === BigInt(id));
    assert.ok(payload.equals(answer!.payload));
  }
  assert.not(client.loop.request(9n, '127.0.0.1', server.port, Buffer.alloc(1173), 5000));
  client.loop.close();
  server.loop.close();
});

test('a server that is not there is silent, and its port answering with ICMP harms nobody', async () => {
  const gone = new RealLoop();
  gone.loop.close();
  const blocks = randomBlocks(1);
  const server = new RealLoop({}, blocks);
  const client = new RealLoop();
  const servers = [gone.port, server.port].map((port) => ({ host: '127.0.0.1', port }));
  const got = await client.fetch(servers, blocks);
  assert.ok(blocks[0]!.equals(got[0]!));
  const fetch = client.loop.openFetch({
    resource: 1n,
    version: new Uint8Array(16),
    symbolBytes: 1344,
    servers: servers.slice(0, 1),
  });
  client.loop.want(fetch, 0, 1000);
  assert.ok(await client.event('serverState', (event) => event.fetch === fetch && event.state === ServerState.Silent));
  client.loop.close();
  server.loop.close();
});

test('what cannot be bound has a code, and leaves no thread behind', () => {
  const holder = new RealLoop();
  const failing: [string, Partial<LoopOptions>][] = [
    ['EADDRINUSE', { port: holder.port }],
    ['EADDRNOTAVAIL', { host: '192.0.2.1', loopbackOnly: false }],
    ['MURKY_INSECURE_REFUSED', { host: '0.0.0.0' }],
    ['MURKY_INSECURE_REFUSED', { host: '::' }],
    ['MURKY_INSECURE_REFUSED', { host: '192.0.2.1' }],
    ['MURKY_BAD_CLUSTER_KEY', { keys: [new Uint8Array(15)] }],
    ['MURKY_BAD_CLUSTER_KEY', { keys: [new Uint8Array(65)] }],
    ['MURKY_BAD_ARGUMENT', { keys: [] }],
    ['MURKY_BAD_ARGUMENT', { host: 'localhost' }],
    ['MURKY_BAD_ARGUMENT', { port: 65536 }],
    ['MURKY_BAD_ARGUMENT', { port: 1.5 }],
    ['MURKY_BAD_ARGUMENT', { dropFraction: -1 }],
    ['MURKY_BAD_ARGUMENT', { socket: 'tcp' as 'gso' }],
    ['MURKY_BAD_ARGUMENT', { maxRateBitsPerSecond: Number.POSITIVE_INFINITY }],
  ];
  for (const [code, options] of failing) {
    let error: (Error & { code?: string }) | undefined;
    try {
      new RealLoop(options);
    } catch (thrown) {
      error = thrown as Error;
    }
    assert.is(error?.code, code, JSON.stringify(options));
    assert.match(error!.message, /^[A-Z"].*\.$/);
  }
  holder.loop.close();
});

test('a loop that only speaks with loopback sends nothing elsewhere', async () => {
  const client = new RealLoop();
  client.loop.request(1n, '192.0.2.1', 9, Buffer.from('hello'), 100);
  assert.ok(await client.event('timeout'));
  const { datagramsOut, droppedNotLoopback } = client.loop.counters();
  assert.is(datagramsOut, 0);
  assert.ok(droppedNotLoopback! > 0);
  client.loop.close();
});

test('an idle loop sleeps', async () => {
  const loops = Array.from({ length: 8 }, () => new RealLoop());
  await sleep(50);
  const before = process.cpuUsage();
  await sleep(1000);
  const { user, system } = process.cpuUsage(before);
  // Eight loops that spun would have used up every core.
  assert.ok(user + system < 300_000, `${user + system} microseconds`);
  for (const { loop } of loops) loop.close();
});

test.run();
