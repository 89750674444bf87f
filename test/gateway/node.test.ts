import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultConfig } from '../../src/config/load.js';
import type { Gateway } from '../../src/gateway/contract.js';
import { startGateway } from '../../src/gateway/server.js';
import { MurkyNode } from '../../src/node/murky-node.js';
import { silentLog } from '../../src/seam/log.js';
import { eventually, problemOf, send, Wire } from './harness.js';

const MIB = 2 ** 20;
const test = suite<{ folder: string; node: MurkyNode; gateway: Gateway }>('gateway on a real node');

test.before(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'murky-gateway-'));
  const config = defaultConfig(context.folder);
  const rain = { ...config.pouringRain, port: 0 };
  context.node = await MurkyNode.start({ ...config, pouringRain: rain, cache: { maxBytes: 16 * MIB } }, {});
  context.gateway = await startGateway(context.node, { ...config.http, port: 0 }, silentLog);
});
test.after(async ({ folder, node, gateway }) => {
  await gateway.close();
  await node.close();
  rmSync(folder, { recursive: true });
});

test('an object over its whole life', async ({ gateway }) => {
  const path = '/objects/a/b';
  const value = randomBytes(3 * MIB + 1);
  const first = await send(gateway, 'PUT', path, { body: value, headers: { 'content-type': 'image/jpeg' } });
  assert.is(first.status, 201);
  assert.equal(
    ['durable', 'owners', 'quorum'].map((name) => JSON.parse(first.body.toString())[name]),
    [1, 1, 1],
  );
  const got = await send(gateway, 'GET', path);
  assert.ok(got.body.equals(value));
  assert.is(got.headers['content-type'], 'image/jpeg');
  assert.is(got.headers['x-murky-source'], 'local');
  assert.is(got.headers['x-murky-version'], first.headers['x-murky-version']);
  const part = await send(gateway, 'GET', path, { headers: { range: `bytes=${MIB - 2}-${2 * MIB + 1}` } });
  assert.ok(part.body.equals(value.subarray(MIB - 2, 2 * MIB + 2)));
  const unchanged = { headers: { 'if-none-match': first.headers.etag } };
  assert.is((await send(gateway, 'GET', path, unchanged)).status, 304);
  const second = await send(gateway, 'PUT', path, { body: 'new' });
  assert.is(second.status, 200);
  assert.ok(second.headers['x-murky-version']! > first.headers['x-murky-version']!);
  assert.is((await send(gateway, 'GET', path, unchanged)).body.toString(), 'new');
  const list = JSON.parse((await send(gateway, 'GET', '/objects?prefix=a/')).body.toString());
  assert.equal(
    list.objects.map(({ key, size }: { key: string; size: number }) => [key, size]),
    [['a/b', 3]],
  );
  assert.is((await send(gateway, 'DELETE', path)).status, 204);
  assert.is((await send(gateway, 'DELETE', path)).status, 404);
  assert.is((await send(gateway, 'HEAD', path)).status, 404);
  assert.is((await send(gateway, 'PUT', path, { body: 'again' })).status, 201, 'what was deleted is new');
});

test('an upload that is cut, or too much for the budget, leaves nothing', async ({ gateway, node }) => {
  const before = (await node.status()).store;
  const wire = new Wire(gateway);
  wire.send(`PUT /objects/cut HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${8 * MIB}\r\n\r\n`);
  wire.send(Buffer.alloc(5 * MIB));
  let written = 0;
  const watch = setInterval(() => void node.status().then(({ store }) => (written = store.otherBytes)), 5);
  await eventually(() => written > before.otherBytes + 2 * MIB, 'blocks are written');
  wire.hangUp();
  await eventually(() => written === before.otherBytes, 'the blocks are gone');
  clearInterval(watch);
  assert.is((await send(gateway, 'GET', '/objects/cut')).status, 404);

  const tooMuch = await send(gateway, 'PUT', '/objects/much', { body: [Buffer.alloc(20 * MIB)] });
  assert.is(tooMuch.status, 507);
  assert.is(problemOf(tooMuch).code, 'MURKY_STORE_FULL');
  assert.equal((await node.status()).store.objects, before.objects);
});

test('a key whose id is taken is 409', async ({ gateway }) => {
  assert.is((await send(gateway, 'PUT', '/objects/x', { body: 'x' })).status, 201);
  const id = (await send(gateway, 'HEAD', '/objects/x')).headers['x-murky-id'] as string;
  const taken = await send(gateway, 'PUT', `/${id}`, { body: 'y' });
  assert.is(taken.status, 409);
  assert.is(problemOf(taken).code, 'MURKY_ID_TAKEN');
});

test('status and readiness are those of the node', async ({ gateway, node }) => {
  const status = JSON.parse((await send(gateway, 'GET', '/status')).body.toString());
  assert.is(status.id, node.id);
  assert.is((await send(gateway, 'GET', '/health/ready')).status, 200);
});

test.run();
