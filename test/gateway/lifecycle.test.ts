import { createServer } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isMurkyError } from '../../src/errors.js';
import { eventually, pause, send, start, Wire } from './harness.js';

const GET = 'GET /objects/a HTTP/1.1\r\nHost: localhost\r\n\r\n';

test('a port that is taken, and an address that is not ours', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as { port: number };
  for (const [http, code] of [
    [{ port }, 'MURKY_ADDRESS_IN_USE'],
    [{ host: '192.0.2.1' }, 'MURKY_ADDRESS_UNUSABLE'],
    [{ host: 'no-such-host.invalid' }, 'MURKY_ADDRESS_UNUSABLE'],
  ] as const) {
    const failure = await start({ http }).then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(isMurkyError(failure, code), String(failure));
  }
  other.close();
});

test('the url tells where it listens, over IPv6 too', async () => {
  for (const [host, shown] of [
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '[::1]'],
  ] as const) {
    const { gateway } = await start({ http: { host } });
    assert.ok(gateway.port > 0);
    assert.is(gateway.url, `http://${shown}:${gateway.port}`);
    assert.is((await send(gateway, 'GET', '/health/live')).status, 200);
    await gateway.close();
  }
});

test('close lets what runs end, takes nothing new, and can be called twice', async () => {
  const { gateway, node } = await start({ limits: { closeMs: 5000 } });
  await node.put('a', Buffer.from('hello'));
  const idle = new Wire(gateway);
  idle.send(GET);
  await idle.until(/hello$/);
  let goOn = () => {};
  let waiting = false;
  node.beforeBlock = () => {
    waiting = true;
    return new Promise((resolve) => {
      goOn = resolve;
    });
  };
  const running = new Wire(gateway);
  running.send(GET);
  await eventually(() => waiting, 'a get runs');
  let closed = false;
  const closing = Promise.all([gateway.close(), gateway.close()]).then(() => {
    closed = true;
  });
  await idle.end();
  await pause(50);
  assert.not(closed);
  assert.is(await send(gateway, 'GET', '/').catch((error: NodeJS.ErrnoException) => error.code), 'ECONNREFUSED');
  goOn();
  const answer = await running.end();
  assert.match(answer, /^HTTP\/1.1 200 .*hello$/s);
  assert.match(answer, '\r\nConnection: close\r\n');
  await closing;
});

test('close cuts what does not end in time', async () => {
  const { gateway, node } = await start({ limits: { closeMs: 100 } });
  await node.put('a', Buffer.from('hello'));
  let aborted = false;
  node.beforeBlock = (_, signal) =>
    new Promise((_, reject) => {
      signal!.addEventListener('abort', () => {
        aborted = true;
        reject(signal!.reason);
      });
    });
  const reader = new Wire(gateway);
  reader.send(GET);
  const writer = new Wire(gateway);
  writer.send('PUT /objects/b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf');
  await pause(50);
  await gateway.close();
  assert.is(await reader.end(), '');
  assert.is(await writer.end(), '');
  assert.ok(aborted);
  await eventually(() => node.bodyErrors.length === 1, 'the upload threw');
  assert.not(node.objects.has('b'));
});

test.run();
