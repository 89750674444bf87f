import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { resourceId } from '../../src/object/key.js';
import { eventually, problemOf, type Running, send, start, Wire } from './harness.js';

const test = suite<Running>('requests');

test.before.each(async (context) => {
  Object.assign(context, await start());
});
test.after.each(({ gateway }) => gateway.close());

for (const [what, text, status, code] of [
  ['no HTTP', 'hello\r\n\r\n', 400, 'MURKY_BAD_REQUEST'],
  ['TLS on a plain port', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'MURKY_BAD_REQUEST'],
  ['an unknown method', 'BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n', 400, 'MURKY_BAD_REQUEST'],
  ['a raw byte in the path', 'GET /objects/\xfc HTTP/1.1\r\nHost: localhost\r\n\r\n', 400, 'MURKY_BAD_REQUEST'],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400, 'MURKY_BAD_REQUEST'],
  ['two Hosts', 'GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n', 400, 'MURKY_BAD_REQUEST'],
  [
    'two lengths',
    'PUT /1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    400,
    'MURKY_BAD_REQUEST',
  ],
  [
    'length and chunks',
    'PUT /1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
    'MURKY_BAD_REQUEST',
  ],
  [
    'a length that is none',
    'PUT /1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n',
    400,
    'MURKY_BAD_REQUEST',
  ],
  [
    'a chunk that is none',
    'PUT /1 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n',
    400,
    'MURKY_BAD_REQUEST',
  ],
  [
    'a huge header',
    `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    431,
    'MURKY_HEADERS_TOO_LARGE',
  ],
  [
    'a huge path',
    `GET /objects/${'x'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    431,
    'MURKY_HEADERS_TOO_LARGE',
  ],
  ['a target that is no path', 'GET objects/a HTTP/1.1\r\nHost: localhost\r\n\r\n', 400, 'MURKY_BAD_REQUEST'],
  ['a star', 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n', 404, 'MURKY_NOT_FOUND'],
] as const) {
  test(`${what}: ${status}, and nothing is stored`, async ({ gateway, node }) => {
    const wire = new Wire(gateway);
    wire.send(text);
    const answer = await wire.until(/\}\n$/);
    assert.match(answer, `HTTP/1.1 ${status} `);
    assert.match(answer, /content-type: application\/problem\+json\r\n/i);
    const document = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')));
    assert.is(document.status, status);
    assert.is(document.code, code);
    assert.ok(document.title.length > 0 && document.detail.length > 0);
    wire.hangUp();
    assert.is(node.objects.size, 0);
    assert.is((await send(gateway, 'GET', '/')).status, 200, 'the gateway serves on');
  });
}

test('garbage behind a request does not fall into the middle of its answer', async ({ gateway, node }) => {
  await node.put('a', Buffer.from('hello'));
  let goOn = () => {};
  node.beforeBlock = () =>
    new Promise((resolve) => {
      goOn = resolve;
    });
  const wire = new Wire(gateway);
  wire.send('GET /objects/a HTTP/1.1\r\nHost: localhost\r\n\r\n\x00\x01garbage\r\n\r\n');
  const received = await wire.end();
  goOn();
  assert.is(received, '');
});

test('HTTP/1.0 is served, and closed', async ({ gateway, node }) => {
  await node.put('a', Buffer.from('hello'));
  const wire = new Wire(gateway);
  wire.send('GET /objects/a HTTP/1.0\r\n\r\n');
  assert.match(await wire.end(), /^HTTP\/1.1 200 .*\r\n\r\nhello$/s);
});

test('headers that do not come are 408', async () => {
  const { gateway } = await start({ limits: { headersMs: 200 } });
  const wire = new Wire(gateway);
  wire.send('GET / HTTP/1.1\r\nHost: loc');
  const answer = await wire.end();
  await gateway.close();
  assert.match(answer, /^HTTP\/1.1 408 .*MURKY_REQUEST_TIMEOUT/s);
});

for (const [path, allow] of [
  ['/objects/a', 'GET, HEAD, PUT, DELETE'],
  ['/42', 'GET, HEAD, PUT, DELETE'],
  ['/objects', 'GET, HEAD'],
  ['/status', 'GET, HEAD'],
  ['/', 'GET, HEAD'],
  ['/health/live', 'GET, HEAD'],
] as const) {
  test(`405 on ${path} names what goes`, async ({ gateway }) => {
    const wrong = allow.includes('PUT') ? ['POST', 'PATCH', 'OPTIONS'] : ['POST', 'PUT', 'DELETE'];
    for (const method of wrong) {
      const answer = await send(gateway, method, path, method === 'PUT' ? { body: 'x' } : {});
      assert.is(answer.status, 405, method);
      assert.is(answer.headers.allow, allow);
      assert.is(problemOf(answer).code, 'MURKY_METHOD_NOT_ALLOWED');
    }
  });
}

for (const path of [
  '/nothing',
  '/object/a',
  '/Objects/a',
  '/objectsa',
  '//objects/a',
  '/health',
  '/status/',
  '/-1',
  '/1/2',
]) {
  test(`there is nothing under ${path}`, async ({ gateway }) => {
    const answer = await send(gateway, 'GET', path);
    assert.is(answer.status, 404);
    assert.match(problemOf(answer).hint ?? '', '/objects/');
  });
}

test('the root, the status and the health', async ({ gateway }) => {
  const root = await send(gateway, 'GET', '/');
  assert.is(root.headers['content-type'], 'text/plain; charset=utf-8');
  assert.is(root.body.toString().split('\n').length, 2, 'one line');
  const status = await send(gateway, 'GET', '/status');
  assert.is(status.headers['content-type'], 'application/json');
  assert.is(JSON.parse(status.body.toString()).id, '00000000000000aa');
  for (const kind of ['live', 'ready']) {
    const health = await send(gateway, 'GET', `/health/${kind}`);
    assert.equal([health.status, JSON.parse(health.body.toString())], [200, { status: kind }]);
    assert.is((await send(gateway, 'HEAD', `/health/${kind}`)).body.length, 0);
  }
});

test('a node that does not answer is live and not ready', async ({ gateway, node }) => {
  node.status = () => Promise.reject(new Error('broken'));
  assert.is((await send(gateway, 'GET', '/health/live')).status, 200);
  assert.is((await send(gateway, 'GET', '/health/ready')).status, 500);
});

interface Page {
  objects: { key: string; id: string; size: number; sha256: string; version: string; contentType: string }[];
  next: string | null;
}

async function page({ gateway }: Running, query: string): Promise<Page> {
  const answer = await send(gateway, 'GET', `/objects${query}`);
  assert.is(answer.status, 200);
  assert.is(answer.headers['content-type'], 'application/json');
  return JSON.parse(answer.body.toString()) as Page;
}

test('a listing says what there is, in key order', async (context) => {
  assert.equal(await page(context, ''), { objects: [], next: null });
  await context.node.put('b"ü', Buffer.from('xyz'), { metadata: { 'content-type': 'a/b' } });
  await context.node.put('a', Buffer.from(''));
  const { objects, next } = await page(context, '');
  assert.is(next, null);
  assert.equal(
    objects.map(({ key }) => key),
    ['a', 'b"ü'],
  );
  const { version, sha256, ...rest } = objects[1]!;
  assert.equal(rest, { key: 'b"ü', id: resourceId('b"ü').toString(), size: 3, contentType: 'a/b' });
  assert.match(version, /^[0-9a-f]{32}$/);
  assert.is(sha256, '3608bca1e44ea6c4d268eb6db02260269892c0b42b86bbf1e77a6fa16c3c9282');
  assert.is((await send(context.gateway, 'HEAD', '/objects')).status, 200);
});

test('a listing pages: every key once, in order', async (context) => {
  const keys = Array.from({ length: 25 }, (_, i) => `k/${String(i).padStart(2, '0')}&+ ü`);
  for (const key of [...keys, 'a', 'l']) await context.node.put(key, Buffer.from(key));
  for (const limit of [1, 7, 25, 26]) {
    const seen: string[] = [];
    for (let after = ''; ; ) {
      const { objects, next } = await page(context, `?prefix=k%2F&limit=${limit}&after=${encodeURIComponent(after)}`);
      assert.ok(objects.length <= limit);
      seen.push(...objects.map(({ key }) => key));
      if (next === null) break;
      assert.is(next, objects.at(-1)!.key);
      after = next;
    }
    assert.equal(seen, keys, `limit ${limit}`);
  }
});

for (const query of ['limit=0', 'limit=10001', 'limit=x', 'limit=', 'limit=1&limit=2', 'prefiks=a', 'prefix=%zz']) {
  test(`a listing refuses ?${query}`, async ({ gateway }) => {
    const answer = await send(gateway, 'GET', `/objects?${query}`);
    assert.is(answer.status, 400);
    assert.is(problemOf(answer).code, 'MURKY_BAD_REQUEST');
  });
}

test('a listing that fails on its way is cut', async ({ gateway, node }) => {
  for (let i = 0; i < 5; i++) await node.put(`k${i}`, Buffer.from('x'));
  const { list } = node;
  node.list = async function* (options) {
    for await (const manifest of list.call(node, options)) {
      yield manifest;
      if (manifest.key === 'k3') throw new Error('disk');
    }
  };
  const wire = new Wire(gateway);
  wire.send('GET /objects HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const received = await wire.end();
  assert.not.match(received, /\r\n0\r\n\r\n$/, 'the last chunk is missing');
});

test('what is too much at once is turned away with 503', async () => {
  const { gateway, node } = await start({ limits: { concurrentReads: 2, concurrentWrites: 1, pipelinedRequests: 3 } });
  try {
    await node.put('a', Buffer.from('x'));
    let goOn = () => {};
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let waiting = 0;
    node.beforeBlock = () => {
      waiting++;
      return gate;
    };
    node.beforePut = node.beforeBlock.bind(node, 0);
    const running = [
      send(gateway, 'GET', '/objects/a'),
      send(gateway, 'GET', '/objects/a'),
      send(gateway, 'PUT', '/objects/b', { body: 'y' }),
    ];
    await eventually(() => waiting === 3, 'three requests run');
    for (const [method, path] of [
      ['GET', '/objects/a'],
      ['GET', '/status'],
      ['PUT', '/objects/c'],
      ['DELETE', '/objects/a'],
    ] as const) {
      const answer = await send(gateway, method, path, method === 'PUT' ? { body: 'x' } : {});
      assert.is(answer.status, 503, method);
      assert.is(answer.headers['retry-after'], '1');
      assert.is(problemOf(answer).code, 'MURKY_BUSY');
    }
    assert.is((await send(gateway, 'GET', '/health/ready')).status, 200, 'health is not turned away');
    goOn();
    assert.equal(
      (await Promise.all(running)).map(({ status }) => status),
      [200, 200, 201],
    );
    assert.is((await send(gateway, 'GET', '/objects/a')).status, 200);
  } finally {
    await gateway.close();
  }
});

test('a connection that sends too many requests ahead is closed', async () => {
  const { gateway, node } = await start({ limits: { pipelinedRequests: 10 } });
  try {
    await node.put('a', Buffer.from('x'));
    const get = 'GET /objects/a HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const fair = new Wire(gateway);
    fair.send(get.repeat(10));
    await fair.until(/(HTTP\/1.1 200 .*){10}/s);
    fair.hangUp();
    const greedy = new Wire(gateway);
    greedy.send(get.repeat(100));
    await greedy.end();
    assert.is((await send(gateway, 'GET', '/objects/a')).status, 200);
  } finally {
    await gateway.close();
  }
});

test.run();
