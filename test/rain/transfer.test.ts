import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RainClient, RainServer } from '../../src/index.js';
import { BLOCK_BYTES } from '../../src/object/manifest.js';
import { RainEndpoint } from '../../src/rain/endpoint.js';
import { MemorySource } from '../../src/rain/memory-source.js';
import { noise, same } from './bytes.js';
import { client, closeAll, pause, server, until } from './open.js';
import { failure } from './rejects.js';

test.after.each(closeAll);

test('two servers on one machine, and a client that fetches from both', async () => {
  const photo = noise(8 * BLOCK_BYTES);
  const [a, b] = [await RainServer.listen(), await RainServer.listen()];
  a.add('photo.jpg', photo);
  b.add('photo.jpg', photo);
  const rain = await RainClient.open();
  const { bytes, report } = await rain.fetch('photo.jpg', { servers: [a.address, b.address] });
  assert.ok(same(bytes, photo));
  for (const one of report.servers) assert.ok(one.useful > 0, `${one.address} helped`);
  await Promise.all([a, b, rain].map((one) => one.close()));
});

for (const transient of [false, true]) {
  test(`pieces ${transient ? 'are good until the next one' : 'stay as they are'}, transient: ${transient}`, async () => {
    const photo = noise(5 * BLOCK_BYTES + 1);
    const one = await RainServer.listen();
    const rain = await RainClient.open();
    try {
      one.add('photo.jpg', photo);
      const { body } = await rain.stream('photo.jpg', { servers: [one.address], transient });
      const pieces: Uint8Array[] = [];
      let at = 0;
      for await (const piece of body) {
        assert.ok(same(piece, photo.subarray(at, at + piece.length)));
        at += piece.length;
        for (const before of pieces) assert.is(before.length, transient ? 0 : BLOCK_BYTES);
        pieces.push(piece);
      }
      assert.is(at, photo.length);
      if (!transient) assert.ok(same(Buffer.concat(pieces), photo));
    } finally {
      await Promise.all([one, rain].map((end) => end.close()));
    }
  });
}

test('an address with a zone, which other links do not have, is not spoken to', async () => {
  const resolveHost = async () => 'fe80::1%2';
  const rain = await client({ insecure: true, host: '::', resolveHost });
  for (const host of ['fe80::1%lo', 'node.example']) {
    await failure('MURKY_NO_SERVER', () => rain.fetch('x', { servers: [{ host, port: 9 }] }));
  }
});

test('values of every kind of size come back as they were', async () => {
  const one = await server();
  const rain = await client();
  for (const size of [0, 1, 63, 64, 65, 1344, 1345, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES]) {
    const value = noise(size, size);
    one.add(`of ${size}`, value, { metadata: { 'content-type': 'x/y' } });
    const { bytes, manifest } = await rain.fetch(`of ${size}`, { servers: [one.address] });
    assert.ok(same(bytes, value), `${size} bytes`);
    assert.is(manifest.metadata['content-type'], 'x/y');
  }
});

test('ids, keys and written addresses name the same things', async () => {
  const one = await server();
  const rain = await client();
  one.add(18446744073709551615n, noise(10));
  const servers = [`127.0.0.1:${one.address.port}`];
  assert.ok(same((await rain.fetch('18446744073709551615', { servers })).bytes, noise(10)));
  assert.ok(same((await rain.fetch(2n ** 64n - 1n, { servers })).bytes, noise(10)));
  await failure('MURKY_NOT_FOUND', () => rain.fetch('something else', { servers }));
  await failure('MURKY_BAD_ARGUMENT', () => rain.fetch(-1n, { servers }));
  await failure('MURKY_BAD_ARGUMENT', () => rain.fetch('x', { servers: ['nonsense'] }));
  assert.ok(one.remove(2n ** 64n - 1n));
  assert.not(one.remove(2n ** 64n - 1n));
  await failure('MURKY_NOT_FOUND', () => rain.fetch(2n ** 64n - 1n, { servers }));
});

test('a manifest too large for a datagram', async () => {
  const [a, b] = [await server(), await server()];
  const metadata = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`name ${i}`, 'v'.repeat(190)]));
  for (const one of [a, b]) one.add('x', noise(5000), { metadata });
  const { bytes, manifest } = await (await client()).fetch('x', { servers: [a.address, b.address] });
  assert.equal(manifest.metadata, metadata);
  assert.ok(same(bytes, noise(5000)));
});

test('a fifth of all packets lost, both ways', async () => {
  const value = noise(6 * BLOCK_BYTES);
  const servers = await Promise.all([1, 2, 3].map(() => server({ dropFraction: 0.2 })));
  for (const one of servers) one.add('x', value);
  const rain = await client({ dropFraction: 0.2 });
  const { bytes, report } = await rain.fetch('x', { servers: servers.map((one) => one.address) });
  assert.ok(same(bytes, value));
  const symbols = report.servers.reduce((sum, one) => sum + one.symbols, 0);
  const lost = report.servers.reduce((sum, one) => sum + one.lost, 0);
  assert.ok(lost / (symbols + lost) > 0.1, `${lost} of ${symbols + lost} counted as lost`);
  assert.ok(report.overhead < 0.05, `overhead ${report.overhead}`);
});

test('sealed with one key, over IPv6', async () => {
  const key = noise(32, 5);
  const one = await server({ key, host: '::1' });
  one.add('x', noise(3000));
  const { bytes } = await (await client({ key, host: '::1' })).fetch('x', { servers: [one.address] });
  assert.ok(same(bytes, noise(3000)));
  const any = await client({ key });
  assert.ok(same((await any.fetch('x', { servers: [`[::1]:${one.address.port}`] })).bytes, noise(3000)));
});

test('servers and clients of several threads', async () => {
  const key = noise(32);
  const value = noise(3 * BLOCK_BYTES);
  const servers = [await server({ key, threads: 3 }), await server({ key, threads: 2 }), await server({ key })];
  for (const one of servers) one.add('x', value);
  const addresses = servers.map((one) => one.address);
  const clients = [await client({ key, threads: 2 }), await client({ key, threads: 2 }), await client({ key })];
  const fetches = clients.flatMap((rain) => [1, 2, 3].map(() => rain.fetch('x', { servers: addresses })));
  for (const { bytes } of await Promise.all(fetches)) assert.ok(same(bytes, value));
  await failure('MURKY_BAD_ARGUMENT', () => server({ threads: 17 }));
});

test('a server with another key, or none, gives nothing', async () => {
  const host = '127.0.0.1';
  const sealed = await server({ key: noise(32, 5) });
  const open = await server();
  for (const one of [sealed, open]) one.add('x', noise(3000));
  const stranger = await client({ key: noise(32, 6), host });
  const pairs = [
    [stranger, sealed],
    [stranger, open],
    [await client(), sealed],
  ] as const;
  await Promise.all(
    pairs.map(async ([rain, { address }]) => {
      const error = await failure('MURKY_NO_SERVER', () => rain.fetch('x', { servers: [address] }));
      assert.match(error.message, `${host}:${address.port}`);
    }),
  );
  assert.ok(sealed.counters().droppedForged! > 0);
});

test('different bytes under one id are refused and both servers named', async () => {
  const [a, b] = [await server(), await server()];
  a.add('x', noise(3000, 1));
  b.add('x', noise(3000, 2));
  const rain = await client();
  const error = await failure('MURKY_VERSION_CONFLICT', () => rain.fetch('x', { servers: [a.address, b.address] }));
  for (const one of [a, b]) assert.match(error.message, `127.0.0.1:${one.address.port}`);
});

test('the newer version wins', async () => {
  const [a, b] = [await server(), await server()];
  a.add('x', noise(3000, 1));
  b.add('x', noise(3000, 2), { version: { time: 2n, node: 0n } });
  const { bytes } = await (await client()).fetch('x', { servers: [a.address, b.address] });
  assert.ok(same(bytes, noise(3000, 2)));
});

test('servers that close or die in the middle cost nothing but their share', async () => {
  const value = noise(12 * BLOCK_BYTES);
  const slow = { maxRatePerPeerBitsPerSecond: 80_000_000 };
  const [polite, staying] = [await server(slow), await server(slow)];
  const dying = await RainEndpoint.open(slow); // closed alone it says nothing to anybody
  const source = new MemorySource();
  dying.serve(source);
  for (const one of [polite, source, staying]) one.add('x', value);
  const rain = await client();
  let blocks = 0;
  const { bytes, report } = await rain.fetch('x', {
    servers: [polite.address, dying.address, staying.address],
    onProgress: () => {
      blocks++;
      if (blocks === 2) void polite.close();
      if (blocks === 4) void dying.close();
    },
  });
  assert.ok(same(bytes, value));
  assert.ok(report.servers.every(({ useful }) => useful > 0));
});

test('an object overwritten while it is fetched is fetched anew, never mixed', async () => {
  const [before, after] = [noise(12 * BLOCK_BYTES, 1), noise(12 * BLOCK_BYTES, 2)];
  const one = await server({ maxRatePerPeerBitsPerSecond: 200_000_000 });
  one.add('x', before);
  const rain = await client();
  let blocks = 0;
  const overwrite = () => ++blocks === 3 && one.add('x', after);
  const { bytes } = await rain.fetch('x', { servers: [one.address], onProgress: overwrite });
  assert.ok(same(bytes, after));
  assert.ok(blocks > 12, 'it had begun before');
});

test('a slow reader is not run over', async () => {
  const value = noise(24 * BLOCK_BYTES);
  const one = await server();
  one.add('x', value);
  const rain = await client();
  const { body } = await rain.stream('x', { servers: [one.address], windowBlocks: 3 });
  let taken = 0;
  for await (const _ of body) {
    taken++;
    if (taken % 8 === 0) await pause(300);
    const decoded = rain.counters().blocksDecoded!;
    assert.ok(decoded <= taken + 3, `${decoded} blocks decoded, ${taken} taken`);
  }
  assert.is(taken, 24);
});

test('a reader that leaves, or aborts, ends the stream at the server', async () => {
  const one = await server({ maxRatePerPeerBitsPerSecond: 20_000_000 });
  one.add('x', noise(40 * BLOCK_BYTES));
  const rain = await client();
  const { body } = await rain.stream('x', { servers: [one.address] });
  for await (const _ of body) break;
  await until(() => one.counters().subscriptionsActive === 0, 'the end of the subscription');

  const abort = new AbortController();
  const onProgress = () => abort.abort(new Error('enough'));
  const fetched = rain.fetch('x', { servers: [one.address], signal: abort.signal, onProgress });
  await fetched.then(
    () => assert.unreachable(),
    (error) => assert.is(error.message, 'enough'),
  );
  await until(() => one.counters().subscriptionsActive === 0, 'the end of the subscription');
});

test('a hundred fetches at once', async () => {
  const [a, b] = [await server(), await server()];
  const rain = await client();
  const values = Array.from({ length: 100 }, (_, i) => noise(40_000 + i, i + 1));
  values.forEach((value, i) => {
    for (const one of [a, b]) one.add(`key ${i}`, value);
  });
  const servers = [a.address, b.address];
  const fetched = await Promise.all(values.map((_, i) => rain.fetch(`key ${i}`, { servers })));
  for (const [i, { bytes }] of fetched.entries()) assert.ok(same(bytes, values[i]!), `key ${i}`);
});

test('metadata that no manifest holds is refused when it is added', async () => {
  const one = await server();
  await failure('MURKY_BAD_REQUEST', () => one.add('x', noise(5), { metadata: { note: 'n'.repeat(9000) } }));
});

test('an object too large for memory is refused before a byte of it is fetched', async () => {
  const one = await server();
  one.add('x', noise(5000));
  const rain = await client();
  await failure('MURKY_TOO_LARGE', () => rain.fetch('x', { servers: [one.address], maxBytes: 4999 }));
});

test('a port in use is told', async () => {
  const one = await server();
  await failure('MURKY_ADDRESS_IN_USE', () => server({ port: one.address.port }));
  await failure('MURKY_ADDRESS_UNUSABLE', () => server({ host: '192.0.2.1', key: noise(32) }));
});

test.run();
