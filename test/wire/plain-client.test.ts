import { randomBytes } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RainServer } from '../../src/index.js';
import { PlainClient } from './plain-client.js';

test('a client written from docs/wire.md alone fetches sealed objects of several sizes', async () => {
  const key = randomBytes(32);
  const server = await RainServer.listen({ key });
  const client = new PlainClient(key, server.address.port);
  try {
    for (const [name, size] of Object.entries({ one: 17, some: 100_001, two: 2 ** 20 + 5 })) {
      const value = randomBytes(size);
      server.add(name, value);
      assert.ok((await client.fetch(name))!.equals(value), name);
    }
    // A manifest that does not fit the answer is fetched as a block.
    server.add('long', Buffer.from('value'), { metadata: { note: 'n'.repeat(3000) } });
    assert.is(`${await client.fetch('long')}`, 'value');
    assert.is(await client.fetch('nowhere'), undefined);
  } finally {
    client.close();
    await server.close();
  }
});

test('clients written from docs/wire.md alone share the symbols of what they read at once', async () => {
  const key = randomBytes(32);
  const server = await RainServer.listen({ key });
  const value = randomBytes(2 ** 20);
  server.add('large', value);
  const clients = Array.from({ length: 4 }, () => new PlainClient(key, server.address.port));
  try {
    const read = await Promise.all(clients.map((client) => client.fetch('large')));
    for (const bytes of read) assert.ok(bytes!.equals(value));
    assert.ok(clients.some((client) => client.shared > 0));
    for (const { marks } of clients) {
      assert.ok(marks.length > 0);
      for (const { sent, came } of marks) assert.ok(came <= sent && sent <= 10_000, `${came} of ${sent} came`);
    }
  } finally {
    for (const client of clients) client.close();
    await server.close();
  }
});

test.run();
