import { randomBytes } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RainServer } from '../../src/index.js';
import { PlainClient } from './plain-client.js';

test('a client written from docs/wire.md alone fetches sealed objects of several sizes', async () => {
  const key = randomBytes(32);
  const server = await RainServer.listen({ key });
  const client = new PlainClient(key, server.address.port);
  for (const [name, size] of Object.entries({ one: 17, some: 100_001, two: 2 ** 20 + 5 })) {
    const value = randomBytes(size);
    server.add(name, value);
    assert.ok((await client.fetch(name))!.equals(value), name);
  }
  // A manifest that does not fit the answer is fetched as a block.
  server.add('long', Buffer.from('value'), { metadata: { note: 'n'.repeat(3000) } });
  assert.is(`${await client.fetch('long')}`, 'value');
  assert.is(await client.fetch('nowhere'), undefined);
  client.close();
  await server.close();
});

test.run();
