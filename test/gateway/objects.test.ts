import { createHash, randomBytes } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MurkyError } from '../../src/errors.js';
import { resourceId } from '../../src/object/key.js';
import { problemOf, type Running, send, start, Wire } from './harness.js';

const test = suite<Running>('objects over HTTP');
const MIB = 2 ** 20;

test.before.each(async (context) => {
  Object.assign(context, await start());
});
test.after.each(({ gateway }) => gateway.close());

for (const size of [0, 1, MIB - 1, MIB, MIB + 1, 5 * MIB + 7]) {
  test(`${size} bytes go in and come out`, async ({ gateway }) => {
    const value = randomBytes(size);
    const sha256 = createHash('sha256').update(value).digest('hex');
    const put = await send(gateway, 'PUT', '/objects/a', { body: value, headers: { 'content-length': size } });
    assert.is(put.status, 201);
    assert.is(put.headers.etag, `"${sha256}"`);
    assert.equal(JSON.parse(put.body.toString()), {
      key: 'a',
      id: resourceId('a').toString(),
      version: put.headers['x-murky-version'],
      size,
      sha256,
      durable: 2,
      owners: 3,
      quorum: 2,
      ordered: true,
    });
    const get = await send(gateway, 'GET', '/objects/a');
    assert.is(get.status, 200);
    assert.is(get.headers['content-length'], String(size));
    assert.is(get.headers.etag, `"${sha256}"`);
    assert.ok(get.body.equals(value));
    const head = await send(gateway, 'HEAD', '/objects/a');
    assert.is(head.status, 200);
    assert.is(head.body.length, 0);
    for (const name of ['content-length', 'etag', 'content-type', 'accept-ranges', 'x-murky-version', 'x-murky-id']) {
      assert.is(head.headers[name], get.headers[name], name);
    }
  });
}

test('a chunked body needs no length', async ({ gateway, node }) => {
  const pieces = [randomBytes(10), randomBytes(MIB), randomBytes(1)];
  assert.is((await send(gateway, 'PUT', '/objects/a', { body: pieces })).status, 201);
  assert.ok(node.objects.get('a')?.value.equals(Buffer.concat(pieces)));
  assert.is((await send(gateway, 'PUT', '/objects/e', { headers: { 'transfer-encoding': 'chunked' } })).status, 201);
  assert.is(node.objects.get('e')?.value.length, 0);
});

test('the second put answers 200, a delete 204, another delete and a get 404', async ({ gateway }) => {
  assert.is((await send(gateway, 'PUT', '/objects/a', { body: '1' })).status, 201);
  assert.is((await send(gateway, 'PUT', '/objects/a', { body: '2' })).status, 200);
  const gone = await send(gateway, 'DELETE', '/objects/a');
  assert.is(gone.status, 204);
  assert.is(gone.body.length, 0);
  assert.match(gone.headers['x-murky-version'] as string, /^[0-9a-f]{32}$/);
  for (const method of ['GET', 'DELETE']) {
    const answer = await send(gateway, method, '/objects/a');
    assert.is(answer.status, 404);
    assert.is(problemOf(answer).code, 'MURKY_NOT_FOUND');
  }
  const head = await send(gateway, 'HEAD', '/objects/a');
  assert.is(head.status, 404);
  assert.is(head.body.length, 0);
});

test("the original's ids are keys", async ({ gateway, node }) => {
  for (const id of ['0', '42', '18446744073709551615']) {
    assert.is((await send(gateway, 'PUT', `/${id}`, { body: id })).status, 201);
    assert.ok(node.objects.has(id));
    const answer = await send(gateway, 'GET', `/objects/${id}`);
    assert.is(answer.headers['x-murky-id'], id);
    assert.is(answer.body.toString(), id);
  }
  for (const wrong of ['18446744073709551616', '007']) {
    const answer = await send(gateway, 'GET', `/${wrong}`);
    assert.is(answer.status, 400);
    assert.is(problemOf(answer).code, 'MURKY_BAD_KEY');
  }
});

for (const [path, key] of [
  ['/objects/a/b//c/', 'a/b//c/'],
  ['/objects/.', '.'],
  ['/objects/..', '..'],
  ['/objects/a/../../b', 'a/../../b'],
  ['/objects/%2e%2E/%2F', '..//'],
  ['/objects//', '/'],
  ['/objects/100%25', '100%'],
  ['/objects/%252F', '%2F'],
  ['/objects/a%20b+c', 'a b+c'],
  ['/objects/%3Fa=b%23c', '?a=b#c'],
  ['/objects/%C3%BC%E2%82%AC%F0%9F%92%A7', 'ü€💧'],
  [`/objects/${'k'.repeat(1024)}`, 'k'.repeat(1024)],
  ['/objects/__proto__', '__proto__'],
] as const) {
  test(`${path.slice(0, 40)} is the key ${key.slice(0, 20)}`, async ({ gateway, node }) => {
    const wire = new Wire(gateway);
    wire.send(`PUT ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi`);
    assert.match(await wire.end(), /^HTTP\/1.1 201 /);
    assert.equal([...node.objects.keys()], [key]);
  });
}

for (const [path, code] of [
  ['/objects/%', 'MURKY_BAD_REQUEST'],
  ['/objects/%zz', 'MURKY_BAD_REQUEST'],
  ['/objects/%C3', 'MURKY_BAD_REQUEST'],
  ['/objects/%ED%A0%80', 'MURKY_BAD_REQUEST'],
  ['/objects/', 'MURKY_BAD_KEY'],
  ['/objects/a%00b', 'MURKY_BAD_KEY'],
  [`/objects/${'k'.repeat(1025)}`, 'MURKY_BAD_KEY'],
  ['/objects/what?', undefined],
  ['/objects/what?is=this', 'MURKY_BAD_REQUEST'],
] as const) {
  test(`PUT ${path.slice(0, 40)} answers ${code ?? 201}`, async ({ gateway, node }) => {
    const answer = await send(gateway, 'PUT', path, { body: 'x' });
    if (code === undefined) return assert.is(answer.status, 201);
    assert.is(answer.status, 400);
    assert.is(problemOf(answer).code, code);
    assert.is(node.objects.size, 0);
  });
}

test('what describes an object comes back with it', async ({ gateway }) => {
  const kept = {
    'content-type': 'text/html; charset=utf-8',
    'content-encoding': 'gzip',
    'content-language': 'de',
    'content-disposition': 'attachment; filename="u.html"',
  };
  await send(gateway, 'PUT', '/objects/a', { body: [Buffer.from('x')], headers: { ...kept, 'x-other': 'y' } });
  for (const method of ['GET', 'HEAD']) {
    const { headers } = await send(gateway, method, '/objects/a');
    for (const [name, value] of Object.entries(kept)) assert.is(headers[name], value);
    assert.is(headers['x-other'], undefined);
    assert.is(headers['x-content-type-options'], 'nosniff');
    assert.is(headers['content-security-policy'], 'sandbox');
    assert.is(headers['cross-origin-resource-policy'], 'same-origin');
  }
  await send(gateway, 'PUT', '/objects/b', { body: 'x' });
  assert.is((await send(gateway, 'GET', '/objects/b')).headers['content-type'], 'application/octet-stream');
});

/** As the bytes of a header reach Node. */
const onTheLine = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

for (const [what, sent, text] of [
  ['UTF-8', onTheLine('attachment; filename="küste €💧.jpg"'), 'attachment; filename="küste €💧.jpg"'],
  ['ISO 8859-1', 'attachment; filename="k\u00fcste.jpg"', 'attachment; filename="küste.jpg"'],
] as const) {
  test(`a name in ${what} is text in the metadata and goes out in UTF-8`, async ({ gateway, node }) => {
    const headers = { 'content-disposition': sent };
    await send(gateway, 'PUT', '/objects/a', { body: [Buffer.from('x')], headers });
    assert.is(node.objects.get('a')!.manifest.metadata['content-disposition'], text);
    const { etag } = (await send(gateway, 'GET', '/objects/a')).headers;
    for (const [method, condition] of [
      ['GET', {}],
      ['HEAD', {}],
      ['GET', { 'if-none-match': etag }],
      ['HEAD', { 'if-none-match': etag }],
      ['GET', { range: 'bytes=0-0' }],
    ] as const) {
      const answer = await send(gateway, method, '/objects/a', { headers: condition });
      assert.is(answer.headers['content-disposition'], onTheLine(text), `${method} ${answer.status}`);
    }
  });
}

test('metadata that HTTP cannot carry is left out', async ({ gateway, node }) => {
  await node.put('a', Buffer.from('x'), { metadata: { 'content-type': 'text/plain\r\nx-evil: 1' } });
  const answer = await send(gateway, 'GET', '/objects/a');
  assert.is(answer.headers['content-type'], 'application/octet-stream');
  assert.is(answer.headers['x-evil'], undefined);
});

test('too much to keep is 431', async ({ gateway }) => {
  const headers = { 'content-disposition': 'x'.repeat(9000) };
  assert.is((await send(gateway, 'PUT', '/objects/a', { body: 'x', headers })).status, 431);
});

test('ranges', async ({ gateway }) => {
  const value = randomBytes(3 * MIB);
  await send(gateway, 'PUT', '/objects/a', { body: value });
  for (const [range, start, end] of [
    ['bytes=0-0', 0, 1],
    ['bytes=10-19', 10, 20],
    ['bytes=1048570-1048580', 1_048_570, 1_048_581],
    ['bytes=3145727-', 3_145_727, 3_145_728],
    ['bytes=100-99999999999', 100, 3_145_728],
    ['bytes=-5', 3_145_723, 3_145_728],
    ['bytes=-99999999999', 0, 3_145_728],
    ['Bytes=0-1', 0, 2],
  ] as const) {
    const answer = await send(gateway, 'GET', '/objects/a', { headers: { range } });
    assert.is(answer.status, 206, range);
    assert.is(answer.headers['content-range'], `bytes ${start}-${end - 1}/${value.length}`);
    assert.is(answer.headers['content-length'], String(end - start));
    assert.ok(answer.body.equals(value.subarray(start, end)), range);
  }
  for (const range of ['bytes=0-1,3-4', 'lines=0-1', 'bytes', 'bytes=x-y', 'bytes=--1']) {
    const answer = await send(gateway, 'GET', '/objects/a', { headers: { range } });
    assert.is(answer.status, 200, range);
    assert.is(answer.body.length, value.length);
  }
  for (const range of ['bytes=3145728-', 'bytes=99999999-999999999', 'bytes=-0']) {
    const answer = await send(gateway, 'GET', '/objects/a', { headers: { range } });
    assert.is(answer.status, 416, range);
    assert.is(answer.headers['content-range'], 'bytes */3145728');
    assert.is(problemOf(answer).code, 'MURKY_RANGE_NOT_SATISFIABLE');
  }
  const head = await send(gateway, 'HEAD', '/objects/a', { headers: { range: 'bytes=0-0' } });
  assert.is(head.status, 200);
  assert.is(head.headers['content-length'], '3145728');
});

test('ranges of nothing', async ({ gateway }) => {
  await send(gateway, 'PUT', '/objects/a', { headers: { 'content-length': 0 } });
  assert.is((await send(gateway, 'GET', '/objects/a', { headers: { range: 'bytes=0-' } })).status, 416);
  assert.is((await send(gateway, 'GET', '/objects/a', { headers: { range: 'bytes=-5' } })).status, 200);
});

test('conditions', async ({ gateway, node }) => {
  const { headers } = await send(gateway, 'PUT', '/objects/a', { body: 'hello' });
  const tag = headers.etag as string;
  const get = (conditions: Record<string, string>, method = 'GET') =>
    send(gateway, method, '/objects/a', { headers: conditions });
  for (const method of ['GET', 'HEAD']) {
    const given = node.blocksGiven;
    for (const list of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
      const answer = await get({ 'if-none-match': list }, method);
      assert.is(answer.status, 304, list);
      assert.is(answer.body.length, 0);
      assert.is(answer.headers.etag, tag);
    }
    assert.is(node.blocksGiven, given, 'what is not sent is not read');
    assert.is((await get({ 'if-none-match': '"other"' }, method)).status, 200);
    assert.is((await get({ 'if-match': `"other", ${tag}` }, method)).status, 200);
    assert.is((await get({ 'if-match': '*' }, method)).status, 200);
    assert.is((await get({ 'if-match': `W/${tag}` }, method)).status, 412);
    assert.is((await get({ 'if-match': '"other"' }, method)).status, 412);
    assert.is((await get({ 'if-match': '"other"', 'if-none-match': tag }, method)).status, 412);
    assert.is((await get({ 'if-modified-since': 'Sat, 01 Jan 2050 00:00:00 GMT' }, method)).status, 200);
  }
  assert.is((await get({ 'if-range': tag, range: 'bytes=1-2' })).body.toString(), 'el');
  for (const other of ['"other"', `W/${tag}`, 'Sat, 01 Jan 2050 00:00:00 GMT']) {
    const answer = await get({ 'if-range': other, range: 'bytes=1-2' });
    assert.is(answer.status, 200, other);
    assert.is(answer.body.toString(), 'hello');
  }
});

test('a write with a condition on a date, no ETag, a part or an unknown coding is refused, not done without it', async ({
  gateway,
  node,
}) => {
  for (const [headers, status] of [
    [{ 'if-modified-since': 'Sat, 01 Jan 2050 00:00:00 GMT' }, 501],
    [{ 'if-unmodified-since': 'Sat, 01 Jan 2050 00:00:00 GMT' }, 501],
    [{ 'content-range': 'bytes 0-0/2' }, 400],
    [{ 'if-none-match': 'tag' }, 400],
    [{ 'if-none-match': '' }, 400],
    [{ 'if-match': '"tag", other' }, 400],
    [{ 'if-match': '"tag", *' }, 400],
    [{ 'transfer-encoding': 'gzip, chunked' }, 501],
  ] as const) {
    const answer = await send(gateway, 'PUT', '/objects/a', { body: ['x'].map(Buffer.from), headers });
    assert.is(answer.status, status, JSON.stringify(headers));
    problemOf(answer);
  }
  assert.is(node.objects.size, 0);
});

test('If-Match and If-None-Match decide on a write', async ({ gateway }) => {
  const tagOf = (text: string) => `"${createHash('sha256').update(text).digest('hex')}"`;
  const write = async (method: 'PUT' | 'DELETE', headers: OutgoingHttpHeaders, body = 'new') => {
    const answer = await send(gateway, method, '/objects/a', { headers, ...(method === 'PUT' ? { body } : {}) });
    if (answer.status === 412) assert.is(problemOf(answer).code, 'MURKY_PRECONDITION_FAILED');
    return answer.status;
  };
  const there = async () => (await send(gateway, 'GET', '/objects/a')).body.toString();
  assert.is(await write('PUT', { 'if-match': '*' }), 412);
  assert.is(await write('DELETE', { 'if-match': '*' }), 412);
  assert.is(await write('PUT', { 'if-none-match': '*' }, 'old'), 201);
  assert.is(await write('PUT', { 'if-none-match': '*' }), 412);
  assert.is(await write('PUT', { 'if-match': '"other"' }), 412);
  assert.is(await write('PUT', { 'if-match': `W/${tagOf('old')}` }), 412, 'a weak tag names no bytes');
  assert.is(await write('PUT', { 'if-none-match': tagOf('old') }), 412);
  assert.is(await write('DELETE', { 'if-match': tagOf('new') }), 412);
  assert.is(await there(), 'old');
  assert.is(await write('PUT', { 'if-match': `"other", ${tagOf('old')}` }), 200);
  assert.is(await there(), 'new');
  assert.is(await write('DELETE', { 'if-match': tagOf('new') }), 204);
});

test('consistency=quorum is asked of the node, and anything else in the query is refused', async ({
  gateway,
  node,
}) => {
  await node.put('a', Buffer.from('x'));
  const asked: unknown[] = [];
  const { get, head } = node;
  node.get = (key, options) => {
    asked.push(options?.consistency);
    return get.call(node, key, options);
  };
  node.head = (key, options) => {
    asked.push(options?.consistency);
    return head.call(node, key, options);
  };
  for (const query of ['', '?consistency=local', '?consistency=quorum']) {
    for (const method of ['GET', 'HEAD']) assert.is((await send(gateway, method, `/objects/a${query}`)).status, 200);
  }
  assert.equal(asked, [undefined, undefined, 'local', 'local', 'quorum', 'quorum']);
  for (const query of ['?consistency=all', '?consistensy=quorum', '?consistency=quorum&consistency=quorum', '?x']) {
    assert.is(problemOf(await send(gateway, 'GET', `/objects/a${query}`)).status, 400);
  }
  assert.is(problemOf(await send(gateway, 'PUT', '/objects/a?consistency=quorum', { body: 'y' })).status, 400);
  assert.is(problemOf(await send(gateway, 'DELETE', '/objects/a?consistency=quorum')).status, 400);
  assert.is(node.objects.size, 1);
});

test('a put without a body is 411', async ({ gateway }) => {
  const wire = new Wire(gateway);
  wire.send('PUT /objects/a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  assert.match(await wire.end(), /^HTTP\/1.1 411 .*MURKY_LENGTH_REQUIRED/s);
});

for (const [code, status] of [
  ['MURKY_ID_TAKEN', 409],
  ['MURKY_NO_QUORUM', 503],
  ['MURKY_STORE_FULL', 507],
  ['MURKY_DISK_FULL', 507],
] as const) {
  test(`${code} is ${status}, whether the node refuses at once or in the middle`, async ({ gateway, node }) => {
    const refusal = new MurkyError(code, 'It cannot be.', { hint: 'Do this.' });
    node.beforePut = () => Promise.reject(refusal);
    const body = randomBytes(3 * MIB);
    const early = await send(gateway, 'PUT', '/objects/a', { body });
    node.beforePut = async () => {};
    node.onPiece = () => Promise.reject(refusal);
    for (const answer of [early, await send(gateway, 'PUT', '/objects/a', { body })]) {
      assert.is(answer.status, status);
      assert.is(answer.headers['retry-after'], status === 503 ? '5' : undefined);
      const { detail, hint, title, status: inside } = problemOf(answer);
      assert.equal([detail, hint, inside], ['It cannot be.', 'Do this.', status]);
      assert.ok(title.length > 0);
    }
    assert.is(node.objects.size, 0);
  });
}

test('a failure that nobody foresaw is a 500 without its particulars, which the log has', async (context) => {
  const { gateway, node, lines } = context;
  node.beforePut = () => Promise.reject(new TypeError('secret inner workings'));
  const answer = await send(gateway, 'PUT', '/objects/a', { body: 'x' });
  assert.is(answer.status, 500);
  assert.is(problemOf(answer).code, 'MURKY_INTERNAL');
  assert.not.match(answer.body.toString(), 'secret');
  const line = lines.find(({ level }) => level === 'error');
  assert.match(String(line?.facts.err), 'secret inner workings');
});

test('a get that fails before its first byte is an answer, not a cut body', async ({ gateway, node }) => {
  await node.put('a', randomBytes(10));
  node.beforeBlock = () => Promise.reject(new MurkyError('MURKY_NO_SERVER', 'No server has it.'));
  const answer = await send(gateway, 'GET', '/objects/a');
  assert.is(answer.status, 503);
  assert.is(answer.headers.etag, undefined);
  assert.is(problemOf(answer).code, 'MURKY_NO_SERVER');
});

test.run();
