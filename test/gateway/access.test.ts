import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isMurkyError } from '../../src/errors.js';
import { problemOf, type Running, send, start, Wire } from './harness.js';

const test = suite<Running & { folder: string }>('access');
const TOKEN = 'c0ffee.c0ffee_c0ffee-~+/==';

test.before.each(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'murky-access-'));
  Object.assign(context, await start());
});
test.after.each(async ({ folder, gateway }) => {
  await gateway.close();
  rmSync(folder, { recursive: true });
});

async function withToken(folder: string, run: (running: Running) => Promise<void>): Promise<void> {
  const accessTokenFile = join(folder, 'token');
  writeFileSync(accessTokenFile, `${TOKEN}\nanything else is a remark\n`);
  const running = await start({ http: { host: '0.0.0.0', accessTokenFile } });
  await run({ ...running, gateway: { ...running.gateway, host: '127.0.0.1' } }).finally(() => running.gateway.close());
}

test('with a token, nothing but health is told without it', async ({ folder }) => {
  await withToken(folder, async ({ gateway, node }) => {
    await node.put('a', Buffer.from('secret'));
    for (const authorization of [
      undefined,
      'Bearer ',
      'Bearer wrong-wrong-wrong-wrong',
      `Basic ${TOKEN}`,
      TOKEN,
      `Bearer ${TOKEN}x`,
    ]) {
      for (const [method, path] of [
        ['GET', '/objects/a'],
        ['GET', '/objects/none'],
        ['HEAD', '/objects/a'],
        ['PUT', '/objects/a'],
        ['DELETE', '/objects/a'],
        ['PATCH', '/objects/a'],
        ['GET', '/objects'],
        ['GET', '/status'],
        ['GET', '/'],
      ] as const) {
        const headers = authorization === undefined ? {} : { authorization };
        const answer = await send(gateway, method, path, { headers, ...(method === 'PUT' ? { body: 'x' } : {}) });
        assert.is(answer.status, 401, `${method} ${path} with ${authorization}`);
        assert.is(answer.headers['www-authenticate'], 'Bearer realm="murky-waters"');
        if (method !== 'HEAD') assert.is(problemOf(answer).code, 'MURKY_UNAUTHORIZED');
        assert.not.match(answer.body.toString(), TOKEN);
      }
    }
    assert.is(node.objects.get('a')?.value.toString(), 'secret');
    for (const path of ['/health/live', '/health/ready']) assert.is((await send(gateway, 'GET', path)).status, 200);
  });
});

test('with the token all is served, under any host name', async ({ folder }) => {
  await withToken(folder, async ({ gateway }) => {
    for (const authorization of [`Bearer ${TOKEN}`, `bearer  ${TOKEN} `]) {
      const headers = { authorization, host: 'store.example:80' };
      assert.ok((await send(gateway, 'PUT', '/objects/a', { body: 'x', headers })).status < 202);
      assert.is((await send(gateway, 'GET', '/objects/a', { headers })).status, 200);
    }
  });
});

for (const [what, content] of [
  ['missing', undefined],
  ['empty', ''],
  ['short', 'abc\n'],
  ['not on the first line', `\n${TOKEN}\n`],
  ['of other characters', 'sechzehn Zeichen ü'],
] as const) {
  test(`a token file that is ${what} is refused at the start`, async ({ folder }) => {
    const accessTokenFile = join(folder, 'token');
    if (content !== undefined) writeFileSync(accessTokenFile, content);
    const failure = await start({ http: { accessTokenFile } }).then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(isMurkyError(failure, 'MURKY_BAD_CONFIG'));
    assert.match(failure.message, accessTokenFile);
  });
}

test('an address that others can reach needs a token', async () => {
  for (const host of ['0.0.0.0', '::']) {
    const failure = await start({ http: { host } }).then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(isMurkyError(failure, 'MURKY_INSECURE_REFUSED'), host);
  }
});

test('without a token the Host must be a name of the loopback (DNS rebinding)', async ({ gateway, node }) => {
  await node.put('a', Buffer.from('x'));
  for (const host of [
    'localhost',
    'LOCALHOST:80',
    '127.0.0.1',
    `127.0.0.1:${gateway.port}`,
    '127.9.9.9',
    '[::1]',
    '[::1]:8080',
  ]) {
    assert.is((await send(gateway, 'GET', '/objects/a', { headers: { host } })).status, 200, host);
  }
  for (const host of [
    'evil.example',
    'evil.example:8080',
    '10.0.0.1',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '[::2]',
  ]) {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const body = method === 'PUT' ? { body: 'y' } : {};
      const answer = await send(gateway, method, '/objects/a', { headers: { host }, ...body });
      assert.is(answer.status, 403, `${method} ${host}`);
      assert.is(problemOf(answer).code, 'MURKY_FORBIDDEN');
    }
  }
  assert.is(node.objects.get('a')?.value.toString(), 'x');
});

test("an absolute target's authority counts, not the Host header", async ({ gateway, node }) => {
  await node.put('a', Buffer.from('x'));
  for (const [target, host, status] of [
    ['http://localhost/objects/a', 'evil.example', 200],
    ['http://evil.example/objects/a', 'localhost', 403],
    ['http://localhost', 'localhost', 200],
    ['/objects/a', '', 403],
  ] as const) {
    const wire = new Wire(gateway);
    wire.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    assert.match(await wire.end(), `HTTP/1.1 ${status} `);
  }
});

test('a page of another site cannot write', async ({ gateway, node }) => {
  const own = { host: 'localhost:8080' };
  for (const [headers, allowed] of [
    [{ 'sec-fetch-site': 'cross-site' }, false],
    [{ 'sec-fetch-site': 'same-site', origin: 'http://localhost:3000' }, false],
    [{ 'sec-fetch-site': 'cross-site', origin: 'http://localhost:8080' }, false],
    [{ 'sec-fetch-site': 'same-origin', origin: 'http://localhost:8080' }, true],
    [{ 'sec-fetch-site': 'none' }, true],
    [{ origin: 'https://evil.example' }, false],
    [{ origin: 'http://localhost:3000' }, false],
    [{ origin: 'https://localhost:8080' }, false],
    [{ origin: 'null' }, false],
    [{ origin: 'http://localhost:8080' }, true],
    [{}, true],
  ] as const) {
    await node.put('a', Buffer.from('old'));
    const all = { ...own, ...headers };
    const put = await send(gateway, 'PUT', '/objects/a', { body: 'new', headers: all });
    assert.is(put.status, allowed ? 200 : 403, JSON.stringify(headers));
    if (!allowed) assert.is(node.objects.get('a')?.value.toString(), 'old');
    assert.is((await send(gateway, 'DELETE', '/objects/a', { headers: all })).status, allowed ? 204 : 403);
    await node.put('a', Buffer.from('old'));
    assert.is((await send(gateway, 'GET', '/objects/a', { headers: all })).status, 200, 'reading is free');
  }
});

test('a preflight is not answered with permission', async ({ gateway }) => {
  const headers = { origin: 'https://evil.example', 'access-control-request-method': 'PUT' };
  const answer = await send(gateway, 'OPTIONS', '/objects/a', { headers });
  assert.is(answer.status, 405);
  assert.is(answer.headers['access-control-allow-origin'], undefined);
});

test.run();
