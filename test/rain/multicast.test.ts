import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RainClient, RainServer } from '../../src/index.js';
import { BLOCK_BYTES } from '../../src/object/manifest.js';
import { noise, same } from './bytes.js';
import { failure } from './rejects.js';

const READERS = 4;
const key = randomBytes(32);

/** A UDP port that nobody holds, for a group of this test's own. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

/** What left the server, in copies of the object, while so many clients in this process read it at once. */
async function copies(multicastGroup: { host: string; port: number } | undefined): Promise<number> {
  const value = noise(12 * BLOCK_BYTES);
  const options = {
    key,
    host: '127.0.0.1',
    ...(multicastGroup && { multicastGroup, multicastMaxRateBitsPerSecond: 200_000_000 }),
  };
  const server = await RainServer.listen(options);
  server.add('image', value);
  const clients = await Promise.all(Array.from({ length: READERS }, () => RainClient.open(options)));
  const read = async (client: RainClient) => {
    const { bytes } = await client.fetch('image', { servers: [server.address] });
    assert.ok(same(bytes, value));
  };
  await Promise.all(clients.map(read));
  const { bytesOut = 0 } = server.counters();
  await Promise.all([server, ...clients].map((one) => one.close()));
  return bytesOut / value.length;
}

test('what several read at once leaves the server little more than once where there is a group', async () => {
  assert.ok((await copies(undefined)) > READERS, 'a copy each by unicast');
  const once = await copies({ host: '239.255.19.80', port: await freePort() });
  assert.ok(once < READERS / 2, `${once.toFixed(2)} copies`);
});

test('a group must be one, and be open to other machines', async () => {
  const port = await freePort();
  await failure('MURKY_BAD_ARGUMENT', () => RainClient.open({ key, multicastGroup: { host: '10.0.0.1', port } }));
  await failure('MURKY_BAD_ARGUMENT', () => RainClient.open({ key, multicastGroup: { host: '239.1.1.1', port: 0 } }));
  await failure('MURKY_INSECURE_REFUSED', () => RainClient.open({ multicastGroup: { host: '239.1.1.1', port } }));
  const host = '127.0.0.1';
  await failure('MURKY_ADDRESS_UNUSABLE', () =>
    RainClient.open({ key, host, multicastGroup: { host: 'ff15::1', port } }),
  );
  await failure('MURKY_ADDRESS_UNUSABLE', () =>
    RainClient.open({ key, host, multicastGroup: { host: '239.1.1.1', port }, multicastInterface: '192.0.2.1' }),
  );
});

test.run();
