import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeManifest, type Manifest } from '../../src/object/manifest.js';
import { RainClient } from '../../src/rain/client.js';
import { encodeLookupAnswer } from '../../src/rain/lookup.js';
import { MemorySource } from '../../src/rain/memory-source.js';
import { held } from './held.js';
import { failure } from './rejects.js';
import { closeScripted, ManualClock, openScripted, settle } from './scripted-loop.js';

const A = { host: '127.0.0.1', port: 5001 };
const B = { host: '127.0.0.1', port: 5002 };
const C = { host: '127.0.0.1', port: 5003 };

const made = (text: string, time: bigint, metadata = {}) =>
  new MemorySource().add('7', Buffer.from(text), { version: { time, node: 0n }, metadata });

async function asking() {
  const clock = new ManualClock();
  const { endpoint, loop } = await openScripted({ clock });
  const answer = (port: number, manifest: Manifest | undefined) => {
    const { id } = loop.requests.find((request) => request.port === port)!;
    loop.emit({ type: 'response', id, payload: Buffer.concat([Buffer.from([0]), encodeLookupAnswer(manifest)]) });
  };
  const located = endpoint.locate(7n, [A, B, C]);
  located.catch(() => {}); // looked at below
  await settle();
  return { endpoint, loop, clock, answer, located };
}

test.after.each(closeScripted);

test('the newest version wins, and each server is in its place', async () => {
  const { answer, located } = await asking();
  answer(A.port, made('old', 1n));
  answer(B.port, made('new', 2n));
  answer(C.port, undefined);
  const { manifest, holders, others, silent } = (await located)!;
  assert.is(manifest.version.time, 2n);
  assert.equal([holders, others, silent], [[B], [A, C], []]);
});

test('once one has it the silent ones are waited for a little, not to the end', async () => {
  const { answer, located, clock, loop } = await asking();
  answer(B.port, made('new', 2n));
  await settle();
  clock.advance(249);
  answer(A.port, made('new', 2n));
  await settle();
  clock.advance(1);
  const { holders, silent } = (await located)!;
  assert.equal([holders, silent], [[A, B], [C]]);
  assert.is(loop.requests.length, 3);
});

test('a slow first answer gives the others more time', async () => {
  const { answer, located, clock } = await asking();
  clock.advance(400);
  answer(B.port, made('new', 2n));
  await settle();
  clock.advance(1199);
  answer(A.port, made('newer', 3n));
  await settle();
  clock.advance(1);
  assert.is((await located)!.manifest.version.time, 3n);
});

test('nowhere is undefined; no answer at all is an error that names the servers', async () => {
  const missing = await asking();
  missing.answer(A.port, undefined);
  missing.answer(B.port, undefined);
  for (const { id } of missing.loop.requests.slice(2)) missing.loop.emit({ type: 'timeout', id });
  assert.is(await missing.located, undefined);

  const silent = await asking();
  for (const { id } of silent.loop.requests) silent.loop.emit({ type: 'timeout', id });
  const error = await failure('MURKY_NO_SERVER', () => silent.located);
  assert.match(error.message, '127.0.0.1:5001, 127.0.0.1:5002, 127.0.0.1:5003');
  await failure('MURKY_NO_SERVER', () => silent.endpoint.locate(7n, []));
});

const nowhere = async () => {
  throw new Error('ENOTFOUND');
};

test('where no server answers the error names the key that was asked for, else the id', async () => {
  for (const [options, name] of [
    [{ key: 'photo.jpg' }, '"photo.jpg"'],
    [{}, 'resource 7'],
  ] as const) {
    const { endpoint, loop } = await openScripted();
    const located = endpoint.locate(7n, [A], options);
    located.catch(() => {}); // looked at below
    await settle();
    loop.emit({ type: 'timeout', id: loop.requests[0]!.id });
    const { message } = await failure('MURKY_NO_SERVER', () => located);
    assert.is(message, `None of 127.0.0.1:5001 answered when asked for ${name}.`);
  }
});

test('a host name that is not known is said to be that, not silent', async () => {
  const { endpoint, loop } = await openScripted({ resolveHost: nowhere });
  const located = endpoint.locate(7n, [{ host: 'nowhere.example', port: 5004 }, A]);
  located.catch(() => {}); // looked at below
  await settle();
  loop.emit({ type: 'timeout', id: loop.requests[0]!.id });
  const { message } = await failure('MURKY_NO_SERVER', () => located);
  assert.match(message, ': the host name nowhere.example is not known, 127.0.0.1:5001 did not answer.');
});

test('a client names the key that it was given, and the unknown host', async () => {
  const client = await RainClient.open({ resolveHost: nowhere });
  const { message, hint } = await failure('MURKY_NO_SERVER', () =>
    client.fetch('photo.jpg', { servers: ['nowhere.example:1980'] }),
  );
  await client.close();
  assert.is(message, 'No server answered when asked for "photo.jpg": the host name nowhere.example is not known.');
  assert.match(hint!, 'spelt right');
});

test('different bytes under one version are refused, each server named with its hash', async () => {
  const { answer, located } = await asking();
  answer(A.port, made('these', 2n));
  answer(B.port, made('those', 2n));
  answer(C.port, made('older', 1n));
  const error = await failure('MURKY_VERSION_CONFLICT', () => located);
  const manifests = error.facts.manifests as Record<string, string>;
  assert.equal(Object.keys(manifests), ['127.0.0.1:5001', '127.0.0.1:5002']);
  for (const [server, hash] of Object.entries(manifests)) {
    assert.match(error.message, `${server} has ${hash.slice(0, 16)}`);
  }
});

test('a manifest too long for the answer is fetched from those that have it', async () => {
  const { answer, located, loop } = await asking();
  const manifest = made('new', 2n, { note: 'n'.repeat(5000) });
  answer(A.port, manifest);
  answer(B.port, made('old', 1n));
  answer(C.port, manifest);
  await settle();
  assert.equal(loop.opened[0]!.servers, [A, C]);
  assert.equal(loop.wanted, [{ fetch: 1, block: 0xffffffff }]);
  const bytes = encodeManifest(manifest);
  loop.emit({ type: 'blockDecoded', fetch: 1, block: 0xffffffff, bytes: held(bytes), fromServers: [1, 1] });
  assert.is((await located)!.manifest.metadata.note, 'n'.repeat(5000));
  assert.equal(loop.closedFetches, [1]);
});

test('a server that talks nonsense counts as silent', async () => {
  const { answer, located, loop } = await asking();
  answer(A.port, made('new', 2n));
  loop.emit({ type: 'response', id: loop.requests[1]!.id, payload: Buffer.from([0, 77]) });
  answer(C.port, undefined);
  const { holders, others, silent } = (await located)!;
  assert.equal([holders, others, silent], [[A], [C], [B]]);
});

test('an abort and a close end the question', async () => {
  const abort = new AbortController();
  const { endpoint } = await openScripted();
  const aborted = endpoint.locate(7n, [A], { signal: abort.signal });
  await settle();
  abort.abort(new Error('enough'));
  await aborted.then(
    () => assert.unreachable(),
    (error) => assert.is(error.message, 'enough'),
  );
  const { located, endpoint: closing } = await asking();
  await closing.close();
  await failure('MURKY_CLOSED', () => located);
});

test.run();
