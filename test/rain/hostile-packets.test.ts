import { randomBytes } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  OUTER_BYTES,
  opened,
  type RangeFields,
  request,
  Sender,
  sealed,
  subscribe,
  symbol,
  Type,
  tokenOf,
  unsealed,
  unsubscribe,
} from './packets.js';
import { RealLoop, randomBlocks } from './real-loop.js';

const blocks = randomBlocks(2);
const key = randomBytes(32);

async function sealedAndUnsealed(
  run: (server: RealLoop, seal: (inner: Uint8Array) => Buffer, open: (bytes: Buffer) => Buffer) => Promise<void>,
): Promise<void> {
  const plain = new RealLoop({}, blocks);
  await run(
    plain,
    (inner) => unsealed(inner),
    (bytes) => bytes.subarray(OUTER_BYTES),
  );
  plain.loop.close();
  const secret = new RealLoop({ keys: [key] }, blocks);
  let counter = 0n;
  const boot = randomBytes(8).readBigUInt64BE();
  await run(
    secret,
    (inner) => sealed(key, inner, boot, counter++),
    (bytes) => opened(key, bytes),
  );
  secret.loop.close();
}

async function stillServes(server: RealLoop, options: { keys?: Uint8Array[] } = {}): Promise<void> {
  const client = new RealLoop(options);
  const got = await client.fetch([{ host: '127.0.0.1', port: server.port }], blocks);
  assert.ok(got.every((bytes, i) => blocks[i]!.equals(bytes)));
  client.loop.close();
}

/** Takes a token from the server, as any client does. */
async function token(sender: Sender, port: number, seal: (inner: Uint8Array) => Buffer, open: (b: Buffer) => Buffer) {
  const seen = sender.received.length;
  await sender.send(port, seal(subscribe({ ranges: [] })));
  return tokenOf(open((await sender.arrivals(seen + 1))[seen]!));
}

test('what is no datagram of this version is counted by its fault; only another version is answered', async () => {
  const server = new RealLoop({}, blocks);
  const sender = await Sender.open();
  const faults: [string, Buffer][] = [
    ['droppedTooShort', Buffer.alloc(0)],
    ['droppedTooShort', unsealed(unsubscribe()).subarray(0, 15)],
    ['droppedVersion', Buffer.from(unsealed(unsubscribe())).fill(2, 0, 1)],
    ['droppedVersion', Buffer.alloc(1400)],
    ['droppedScheme', sealed(key, unsubscribe(), 5n, 0n)],
    ['droppedScheme', Buffer.from(unsealed(unsubscribe())).fill(9, 1, 2)],
    ['droppedMalformed', unsealed(Buffer.alloc(0))],
    ['droppedMalformed', unsealed(Buffer.from([0, 0, 0, 9]))],
    ['droppedMalformed', unsealed(Buffer.from([8, 0, 0, 9]))],
    ['droppedMalformed', unsealed(Buffer.from([255]))],
    ['droppedForged', unsealed(Buffer.alloc(9000))],
    ['droppedUnknown', unsealed(symbol(4711, 0, 0, 1344))],
    ['droppedUnknown', unsealed(Buffer.concat([Buffer.from([Type.Response, 0, 0, 1]), randomBytes(9)]))],
    ['droppedUnknown', unsealed(Buffer.from([Type.Refuse, 1, 1, 1, 0, 0, 0, 0]))],
  ];
  for (const [counter, datagram] of faults) {
    const before = server.loop.counters();
    await sender.send(server.port, datagram);
    assert.is(await server.risen(counter, before), 1, `${counter}: ${datagram.toString('hex', 0, 20)}`);
  }
  assert.is(server.loop.counters().datagramsOut, 1);
  const versions = Buffer.concat([Buffer.from([0, 1, 1]), unsealed(unsubscribe()).subarray(2, OUTER_BYTES)]);
  assert.equal(await sender.arrivals(1), [versions]);
  await stillServes(server);
  sender.close();
  server.loop.close();
});

test('every wrong length of every message is malformed', async () => {
  await sealedAndUnsealed(async (server, seal) => {
    const sender = await Sender.open();
    const messages = [
      subscribe(),
      symbol(9, 0, 0, 1344),
      Buffer.concat([Buffer.from([Type.Token, 1, 0, 9]), Buffer.alloc(24)]),
      Buffer.from([Type.Refuse, 1, 0, 9, 0, 0, 0, 0]),
      unsubscribe(),
      request(1n, Buffer.from('hello')),
      Buffer.from([Type.Response, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7]),
    ];
    const before = server.loop.counters();
    let sent = 0;
    for (const message of messages) {
      for (const wrong of [message.subarray(0, -1), message.subarray(0, 1), Buffer.concat([message, Buffer.of(0)])]) {
        await sender.send(server.port, seal(wrong));
        sent++;
      }
    }
    assert.is(await server.risen('droppedMalformed', before, sent), sent);
    assert.is(server.loop.counters().datagramsOut, 0);
    sender.close();
  });
});

test('absurd K, S and ESI are refused, and cost the server nothing', async () => {
  await sealedAndUnsealed(async (server, seal, open) => {
    const sender = await Sender.open();
    const proof = await token(sender, server.port, seal, open);
    const range = (fields: Partial<RangeFields>) => [{ number: 1, block: 0, from: 0, count: 1, ...fields }];
    const malformed = [
      subscribe({ token: proof, symbolUnits: 0 }),
      subscribe({ token: proof, symbolUnits: 140 }),
      subscribe({ token: proof, symbolUnits: 65535 }),
      subscribe({ token: proof, ranges: range({ count: 0 }) }),
      subscribe({ token: proof, ranges: range({ from: 0xffffff, count: 2 }) }),
      subscribe({ token: proof, ranges: range({ from: 2, count: 0xffffff }) }),
      subscribe({ token: proof, ranges: [...range({}), ...range({})] }),
      Buffer.from(subscribe({ token: proof })).fill(255, 1, 2),
    ];
    const before = server.loop.counters();
    for (const message of malformed) await sender.send(server.port, seal(message));
    assert.is(await server.risen('droppedMalformed', before, malformed.length), malformed.length);
    assert.is(server.loop.counters().subscriptionsStarted, 0);
    sender.close();
  });
});

test('a symbol size that makes K too large for the block is refused with a reason', async () => {
  const large = randomBlocks(1, 8192 * 64 + 1);
  const server = new RealLoop({}, large);
  const sender = await Sender.open();
  const open = (bytes: Buffer) => bytes.subarray(OUTER_BYTES);
  const proof = await token(sender, server.port, unsealed, open);
  await sender.send(server.port, unsealed(subscribe({ token: proof, symbolUnits: 1 })));
  const refusal = open((await sender.arrivals(2))[1]!);
  assert.equal([...refusal], [Type.Refuse, 2, 0, 9, 0, 0, 0, 0]);
  assert.is(server.loop.counters().symbolsSent, 0);
  sender.close();
  server.loop.close();
});

test('a forged address is sent no more bytes than came from it, and gets no symbols', async () => {
  await sealedAndUnsealed(async (server, seal, open) => {
    const victim = await Sender.open();
    const attacker = await Sender.open();
    // Every address-binding that a token can break: none, made up, of another port.
    const stolen = await token(attacker, server.port, seal, open);
    let sent = 0;
    for (const forged of [Buffer.alloc(16), randomBytes(16), stolen]) {
      for (const message of [
        subscribe({ token: forged, ranges: [] }),
        subscribe({ token: forged, rateKbit: 4_000_000, ranges: [{ number: 1, block: 0, from: 0, count: 1 << 23 }] }),
        request(5n, Buffer.alloc(0), forged),
        request(6n, Buffer.alloc(1000), forged),
      ]) {
        const datagram = seal(message);
        sent += datagram.length;
        await victim.send(server.port, datagram);
      }
    }
    const answers = await victim.arrivals(12);
    assert.is(answers.length, 12);
    assert.ok(answers.every((answer) => open(answer)[0] === Type.Token));
    assert.ok(answers.reduce((sum, answer) => sum + answer.length, 0) <= sent);
    const counters = server.loop.counters();
    assert.is(counters.symbolsSent, 0);
    assert.is(counters.subscriptionsStarted, 0);
    assert.is(counters.tokensRefused, 8);
    assert.equal(server.events, []); // no request was handed up
    victim.close();
    attacker.close();
  });
});

test('a token opens the way, to its own address only', async () => {
  await sealedAndUnsealed(async (server, seal, open) => {
    const sender = await Sender.open();
    const proof = await token(sender, server.port, seal, open);
    await sender.send(server.port, seal(subscribe({ token: proof })));
    const symbols = (await sender.arrivals(17)).slice(1).map(open);
    assert.is(symbols.length, 16);
    assert.equal(
      symbols.map((inner) => inner.readUIntBE(9, 3)),
      Array.from({ length: 16 }, (_, esi) => esi),
    );
    // Systematic: the first symbols are the block itself.
    assert.ok(Buffer.concat(symbols.map((inner) => inner.subarray(16))).equals(blocks[0]!.subarray(0, 16 * 1344)));
    sender.close();
  });
});

test('sealed: forged, foreign, replayed and reflected datagrams are counted and not answered', async () => {
  const server = new RealLoop({ keys: [key] }, blocks);
  const sender = await Sender.open();
  const genuine = sealed(key, subscribe(), 1234n, 0n);
  await sender.send(server.port, genuine);
  const [answer] = await sender.arrivals(1);
  const changed = Buffer.from(sealed(key, subscribe(), 1234n, 1n));
  changed[40]! ^= 1;
  const faults: [string, Buffer][] = [
    ['droppedReplayed', genuine],
    ['droppedReplayed', answer!], // the server's own, come back
    ['droppedForged', changed],
    ['droppedForged', sealed(randomBytes(32), subscribe(), 1234n, 2n)],
    ['droppedForged', sealed(randomBytes(32), subscribe(), 999n, 0n)],
    ['droppedForged', sealed(key, subscribe(), 1234n, 3n).subarray(0, -1)],
    ['droppedTooShort', genuine.subarray(0, 31)],
    ['droppedScheme', unsealed(subscribe())],
  ];
  for (const [counter, datagram] of faults) {
    const before = server.loop.counters();
    await sender.send(server.port, datagram);
    assert.is(await server.risen(counter, before), 1, counter);
  }
  assert.is(sender.received.length, 1);
  await stillServes(server, { keys: [key] });
  sender.close();
  server.loop.close();
});

test('a node with another key gets nothing', async () => {
  const server = new RealLoop({ keys: [key] }, blocks);
  const stranger = new RealLoop({ keys: [randomBytes(32)] });
  const fetch = stranger.loop.openFetch({
    resource: 1n,
    version: new Uint8Array(16),
    symbolBytes: 1344,
    servers: [{ host: '127.0.0.1', port: server.port }],
  });
  const before = server.loop.counters();
  stranger.loop.want(fetch, 0, blocks[0]!.length);
  stranger.loop.request(1n, '127.0.0.1', server.port, Buffer.from('who is there?'), 300);
  assert.ok(await stranger.event('timeout'));
  assert.ok((await server.risen('droppedForged', before, 2)) >= 2);
  assert.is(server.loop.counters().datagramsOut, 0);
  stranger.loop.close();
  server.loop.close();
});

test.run();
