import { request as httpRequest } from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isMurkyError, MurkyError } from '../../src/errors.js';
import { eventually, pause, problemOf, type Running, send, start, Wire } from './harness.js';

const test = suite<Running>('streaming');
const MIB = 2 ** 20;
const SIZE = 64 * MIB;
/** What the kernel's buffers on both sides of a loopback connection may hold (Linux: 4 + 6 MiB), and some. */
const IN_FLIGHT = 16 * MIB;

test.before.each(async (context) => {
  Object.assign(context, await start());
});
test.after.each(({ gateway }) => gateway.close());

const GET = 'GET /objects/a HTTP/1.1\r\nHost: localhost\r\n\r\n';
const put = (size: number, more = '') =>
  `PUT /objects/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${size}\r\n${more}\r\n`;

/** Resolves when a count has stood still for a while. */
async function settled(count: () => number): Promise<number> {
  for (let last = -1; last !== count(); await pause(150)) last = count();
  return count();
}

test('a reader that stops stops the reading of the object; leaving ends it', async ({ gateway, node }) => {
  await node.put('a', Buffer.alloc(SIZE));
  const wire = new Wire(gateway);
  wire.send(GET);
  await wire.until(/\r\n\r\n/);
  wire.pause();
  const given = await settled(() => node.blocksGiven);
  assert.ok(given * MIB <= IN_FLIGHT, `${given} MiB were read ahead`);
  assert.is(node.returned, 0);
  wire.hangUp();
  await eventually(() => node.returned === 1, 'the iterator was returned');
});

test('a reader that hangs up while the node looks for a block ends the search', async ({ gateway, node }) => {
  await node.put('a', Buffer.alloc(3 * MIB));
  let aborted: unknown;
  node.beforeBlock = (index, signal) =>
    index < 1
      ? Promise.resolve()
      : new Promise((_, reject) => {
          signal!.addEventListener('abort', () => {
            aborted = signal!.reason;
            reject(aborted);
          });
        });
  const wire = new Wire(gateway);
  wire.send(GET);
  await wire.until(/\r\n\r\n/);
  assert.is(aborted, undefined);
  wire.hangUp();
  await eventually(() => isMurkyError(aborted, 'MURKY_CLOSED'), 'the signal aborted');
});

test('a node that stops reading stops the upload, and goes on with it', async ({ gateway, node }) => {
  let goOn = () => {};
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  node.onPiece = () => gate;
  const { host, port } = gateway;
  const request = httpRequest({ host, port, method: 'PUT', path: '/objects/a', headers: { 'content-length': SIZE } });
  const status = new Promise((resolve, reject) => {
    request.on('response', (response) => resolve(response.resume().statusCode)).on('error', reject);
  });
  let taken = 0;
  const pump = () => {
    for (let room = true; room && taken < SIZE; taken += MIB) room = request.write(Buffer.alloc(MIB));
    if (taken === SIZE) request.end();
  };
  request.on('drain', pump);
  pump();
  const took = await settled(() => taken);
  assert.ok(took <= IN_FLIGHT, `${took} bytes were taken from the client`);
  goOn();
  assert.is(await status, 201);
  assert.is(node.objects.get('a')?.manifest.size, SIZE);
});

for (const [what, head] of [
  ['with Content-Length', put(5 * MIB)],
  ['in chunks', `PUT /objects/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n500000\r\n`],
] as const) {
  test(`an upload that is cut (${what}) throws in the node and stores nothing`, async ({ gateway, node, lines }) => {
    const wire = new Wire(gateway);
    let bytes = 0;
    node.onPiece = async (length) => {
      bytes += length;
    };
    wire.send(head);
    wire.send(Buffer.alloc(MIB));
    await eventually(() => bytes === MIB, 'the node has what was sent');
    wire.hangUp();
    await eventually(() => node.bodyErrors.length === 1, 'the body threw');
    assert.ok(isMurkyError(node.bodyErrors[0], 'MURKY_CLOSED'));
    await pause(20);
    assert.is(node.objects.size, 0);
    assert.not(lines.some(({ level }) => level === 'error'));
  });
}

test('an object that fails half-way is a cut body, never a short one', async ({ gateway, node, lines }) => {
  await node.put('a', Buffer.alloc(3 * MIB));
  node.beforeBlock = (index) =>
    index < 2 ? Promise.resolve() : Promise.reject(new MurkyError('MURKY_NO_SERVER', 'Nobody has it.'));
  const failure = await send(gateway, 'GET', '/objects/a').then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error,
  );
  assert.is(failure?.code, 'ECONNRESET');
  assert.ok(lines.some(({ level, sentence }) => level === 'warn' && sentence === 'A body was cut.'));
});

for (const [what, given] of [
  ['fewer', 9],
  ['more', 11],
] as const) {
  test(`a node that gives ${what} bytes than it said makes a cut body`, async () => {
    const { gateway, node, lines } = await start();
    try {
      await node.put('a', Buffer.alloc(10));
      const { get } = node;
      node.get = async (key, options) => {
        const found = await get.call(node, key, options);
        const body = (async function* () {
          yield Buffer.alloc(1);
          await pause(50);
          yield Buffer.alloc(given - 1);
        })();
        return { ...found, body };
      };
      const wire = new Wire(gateway);
      wire.send(GET);
      const received = await wire.end();
      assert.match(received, 'content-length: 10\r\n');
      assert.ok(received.length - received.indexOf('\r\n\r\n') - 4 < 10);
      assert.ok(lines.some(({ level }) => level === 'error'));
    } finally {
      await gateway.close();
    }
  });
}

test('a body over the limit is refused by its Content-Length before it is sent', async () => {
  const { gateway, node } = await start({ http: { maxObjectBytes: MIB } });
  try {
    const wire = new Wire(gateway);
    wire.send(put(MIB + 1, 'Expect: 100-continue\r\n'));
    const answer = await wire.until(/\}\n$/);
    assert.match(answer, /^HTTP\/1.1 413 /);
    assert.match(answer, /\r\nconnection: close\r\n/i);
    assert.match(answer, '"code":"MURKY_TOO_LARGE"');
    wire.hangUp();
    const whole = { body: Buffer.alloc(MIB) };
    assert.is((await send(gateway, 'PUT', '/objects/a', whole)).status, 201);
    const chunks = await send(gateway, 'PUT', '/objects/b', { body: [Buffer.alloc(MIB), Buffer.alloc(1)] });
    assert.is(chunks.status, 413);
    assert.is(problemOf(chunks).code, 'MURKY_TOO_LARGE');
    assert.equal([...node.objects.keys()], ['a']);
  } finally {
    await gateway.close();
  }
});

test('who is refused while still sending gets the answer, not a reset', async ({ gateway, node }) => {
  node.beforePut = () => Promise.reject(new MurkyError('MURKY_STORE_FULL', 'Full.'));
  const wire = new Wire(gateway);
  wire.send(put(20 * MIB));
  wire.send(Buffer.alloc(MIB));
  await wire.until(/"code":"MURKY_STORE_FULL"/);
  // Nobody listens any more, and still nothing breaks.
  for (let i = 1; i < 20; i++) wire.send(Buffer.alloc(MIB));
  const answer = await wire.end();
  assert.match(answer, /^HTTP\/1.1 507 /);
  assert.is(answer.match(/HTTP\/1.1/g)?.length, 1);
});

test('who goes on sending after a refusal is cut off in the end', async () => {
  const { gateway, node } = await start({ limits: { lingerMs: 100 } });
  try {
    node.beforePut = () => Promise.reject(new MurkyError('MURKY_STORE_FULL', 'Full.'));
    const wire = new Wire(gateway);
    wire.send(put(20 * MIB));
    assert.match(await wire.end(), /^HTTP\/1.1 507 /);
  } finally {
    await gateway.close();
  }
});

test('100 Continue comes when the node wants the body, and not if it does not', async ({ gateway, node }) => {
  let goOn = () => {};
  node.beforePut = () =>
    new Promise((resolve) => {
      goOn = resolve;
    });
  const wire = new Wire(gateway);
  wire.send(put(2, 'Expect: 100-continue\r\n'));
  await pause(50);
  assert.is(wire.received, '');
  goOn();
  assert.is(await wire.until(/\r\n\r\n/), 'HTTP/1.1 100 Continue\r\n\r\n');
  wire.send('hi');
  await wire.until(/HTTP\/1.1 201 /);
  wire.hangUp();

  node.beforePut = () => Promise.reject(new MurkyError('MURKY_ID_TAKEN', 'Taken.'));
  const refused = new Wire(gateway);
  refused.send(put(2, 'Expect: 100-continue\r\n'));
  const answer = await refused.until(/\}\n$/);
  assert.match(answer, /^HTTP\/1.1 409 /);
  assert.match(answer, /\r\nconnection: close\r\n/i);
  refused.hangUp();

  const unknown = await send(gateway, 'PUT', '/objects/a', { body: 'x', headers: { expect: 'miracles' } });
  assert.is(unknown.status, 417);
});

test('one connection, many requests: the answers keep their order, after early errors too', async ({
  gateway,
  node,
}) => {
  await node.put('a', Buffer.from('hello'));
  const wire = new Wire(gateway);
  // The refused bodies are there whole, so that the connection can go on behind them.
  wire.send(
    'PUT /objects/%00 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nxyz' +
      'GET /objects/none HTTP/1.1\r\nHost: localhost\r\n\r\n' +
      GET +
      'PUT /objects/b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc' +
      'GET /objects/b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
  );
  const answers = await wire.end();
  assert.equal(
    [...answers.matchAll(/HTTP\/1.1 ([0-9]+)/g)].map(([, status]) => status),
    ['400', '404', '200', '201', '200'],
  );
  assert.match(answers, /\r\n\r\nhelloHTTP/);
  assert.match(answers, /\r\n\r\nabc$/);
});

test('an upload that stands still is ended with 408, a slow one is not', async () => {
  const { gateway, node } = await start({ limits: { clientIdleMs: 300 } });
  try {
    const slow = new Wire(gateway);
    slow.send(put(8));
    for (let i = 0; i < 8; i++) {
      slow.send('x');
      await pause(100);
    }
    await slow.until(/^HTTP\/1.1 201 /);
    slow.hangUp();
    const still = new Wire(gateway);
    still.send(put(8));
    still.send('x');
    await still.until(/^HTTP\/1.1 408 [^}]*MURKY_REQUEST_TIMEOUT/);
    still.hangUp();
    assert.is(node.bodyErrors.length, 1);
    assert.ok(isMurkyError(node.bodyErrors[0], 'MURKY_REQUEST_TIMEOUT'));
  } finally {
    await gateway.close();
  }
});

test('a reader that stands still is cut off; a node that takes its time is not', async () => {
  const { gateway, node } = await start({ limits: { clientIdleMs: 200 } });
  try {
    node.beforePut = () => pause(700);
    assert.is((await send(gateway, 'PUT', '/objects/a', { body: Buffer.alloc(SIZE) })).status, 201);
    node.beforeBlock = (index) => pause(index === 0 ? 700 : 0);
    const wire = new Wire(gateway);
    wire.send(GET);
    await wire.until(/^HTTP\/1.1 200 /);
    wire.pause();
    await eventually(() => node.returned === 1, 'the reader was cut off');
    wire.hangUp();
  } finally {
    await gateway.close();
  }
});

test.run();
