import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Running, send, start } from './harness.js';

const test = suite<Running>('drain');

test.before.each(async (context) => void Object.assign(context, await start()));
test.after.each(({ gateway }) => gateway.close());

const stateIn = (body: Uint8Array) => (JSON.parse(Buffer.from(body).toString()) as { state: string }).state;

test('POST begins a drain, GET looks at it, DELETE ends it', async ({ gateway, node }) => {
  assert.is(stateIn((await send(gateway, 'GET', '/drain')).body), 'off');
  assert.is(stateIn((await send(gateway, 'POST', '/drain')).body), 'draining');
  assert.ok(node.draining);
  assert.is(stateIn((await send(gateway, 'GET', '/drain')).body), 'draining');
  assert.is(stateIn((await send(gateway, 'DELETE', '/drain')).body), 'off');
  const other = await send(gateway, 'PUT', '/drain');
  assert.is(other.status, 405);
  assert.match(String(other.headers.allow), /POST/);
});

test('a page of another origin cannot drain a node', async ({ gateway, node }) => {
  const answer = await send(gateway, 'POST', '/drain', { headers: { origin: 'https://elsewhere.example' } });
  assert.is(answer.status, 403);
  assert.not.ok(node.draining);
});

test.run();
