import { createSocket } from 'node:dgram';
import { setMaxListeners } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isMurkyError, MurkyError } from '../../src/errors.js';
import type { LoopOptions } from '../../src/native/addon.js';
import { RequestKind } from '../../src/rain/contract.js';
import { RainEndpoint } from '../../src/rain/endpoint.js';
import { failure } from './rejects.js';
import { closeScripted, openScripted, ScriptedLoop, settle } from './scripted-loop.js';

const key = new Uint8Array(32).fill(7);
const peer = { host: '127.0.0.1', port: 5000 };
const bytes = (text: string) => Buffer.from(text);

async function optionsOf(options: Parameters<typeof RainEndpoint.open>[0]): Promise<LoopOptions> {
  let seen: LoopOptions | undefined;
  await RainEndpoint.open(options, (loopOptions, onEvents) => {
    seen = loopOptions;
    return new ScriptedLoop(onEvents);
  });
  return seen!;
}

test.after.each(closeScripted);

test('without a key only loopback is bound, and the loop is told so', async () => {
  assert.is((await optionsOf({})).host, '127.0.0.1');
  assert.is((await optionsOf({ host: '::1' })).loopbackOnly, true);
  assert.is((await optionsOf({ host: 'localhost' })).host, '127.0.0.1');
  for (const host of ['0.0.0.0', '::', '192.0.2.1']) {
    const error = await failure('MURKY_INSECURE_REFUSED', () => optionsOf({ host }));
    assert.match(error.hint ?? '', 'key');
    assert.is((await optionsOf({ host, key })).loopbackOnly, false);
    assert.is((await optionsOf({ host, insecure: true })).loopbackOnly, false);
  }
});

test('what cannot be bound or used says why', async () => {
  const throwing =
    (code: string, message = 'refused by the system') =>
    () =>
      RainEndpoint.open({ port: 1980 }, () => {
        throw Object.assign(new Error(message), { code });
      });
  assert.match((await failure('MURKY_ADDRESS_IN_USE', throwing('EADDRINUSE'))).message, '127.0.0.1:1980');
  assert.match((await failure('MURKY_ADDRESS_UNUSABLE', throwing('EADDRNOTAVAIL'))).message, 'EADDRNOTAVAIL');
  await failure('MURKY_ADDRESS_UNUSABLE', throwing('EACCES'));
  assert.is((await failure('MURKY_NO_CRYPTO', throwing('MURKY_NO_CRYPTO', 'No OpenSSL.'))).message, 'No OpenSSL.');
  const noName = () => Promise.reject(new Error('ENOTFOUND'));
  await failure('MURKY_ADDRESS_UNUSABLE', () => optionsOf({ host: 'nowhere.invalid', resolveHost: noName }));
  await failure('MURKY_BAD_CLUSTER_KEY', () => optionsOf({ key: new Uint8Array(15) }));
  await failure('MURKY_BAD_CLUSTER_KEY', () => optionsOf({ key: new Uint8Array(65) }));
  await failure('MURKY_BAD_ARGUMENT', () => optionsOf({ port: 65536 }));
  await failure('MURKY_BAD_ARGUMENT', () => optionsOf({ dropFraction: 1.5 }));
  await failure('MURKY_BAD_ARGUMENT', () => optionsOf({ dropFraction: Number.NaN }));
});

test('names are resolved for the family that is bound; other machines need a key', async () => {
  const families: number[] = [];
  const resolveHost = async (_: string, family: number) => {
    families.push(family);
    return family === 4 ? '192.0.2.9' : '2001:db8::9';
  };
  const open = async (options: object) => (await openScripted({ resolveHost, ...options })).endpoint;
  const named = { host: 'node.example', port: 9 };
  assert.equal(await (await open({ key })).resolve(named), { host: '192.0.2.9', port: 9 });
  assert.equal(families, [4]);
  await failure('MURKY_NODE_UNREACHABLE', async () => (await open({ key })).resolve({ host: '::1', port: 9 }));
  await failure('MURKY_INSECURE_REFUSED', async () => (await open({})).resolve(named));
  await failure('MURKY_INSECURE_REFUSED', async () => (await open({})).resolve({ host: '192.0.2.1', port: 9 }));
  await failure('MURKY_BAD_ARGUMENT', async () => (await open({})).resolve({ host: '127.0.0.1', port: 0 }));
});

test('a request carries its kind and resolves with the answer', async () => {
  const { endpoint, loop } = await openScripted();
  const answer = endpoint.request(peer, RequestKind.Ping, bytes('who?'));
  await settle();
  const [sent] = loop.requests;
  assert.equal([...sent!.payload], [RequestKind.Ping, ...bytes('who?')]);
  loop.emit({ type: 'response', id: sent!.id, payload: Buffer.concat([Buffer.from([0]), bytes('me')]) });
  assert.is(Buffer.from(await answer).toString(), 'me');
  loop.emit({ type: 'response', id: sent!.id, payload: Buffer.from([0]) }); // late: no harm
});

test('an error crosses with its code and sentence, cut to the datagram', async () => {
  const { endpoint, loop } = await openScripted();
  endpoint.onRequest(RequestKind.Ping, async (payload) => {
    throw new MurkyError('MURKY_STORE_FULL', payload.length === 0 ? 'Full.' : Buffer.from(payload) + 'ä'.repeat(2000));
  });
  for (const [handle, body] of [
    ['1', ''],
    ['2', 'even'],
    ['3', 'odd'],
  ] as const) {
    const payload = Buffer.concat([Buffer.from([RequestKind.Ping]), bytes(body)]);
    loop.emit({ type: 'request', handle: BigInt(handle), ...peer, payload });
  }
  await settle();
  const ask = async (payload: Uint8Array) => {
    const answer = endpoint.request(peer, RequestKind.Ping, bytes(''));
    await settle();
    loop.emit({ type: 'response', id: loop.requests.at(-1)!.id, payload });
    return answer;
  };
  assert.is((await failure('MURKY_STORE_FULL', () => ask(loop.responses[0]!.payload))).message, 'Full.');
  // 1172 bytes in all, 18 of them ahead of the sentence; never half a character.
  assert.is(loop.responses[1]!.payload.length, 1172);
  assert.is(loop.responses[2]!.payload.length, 1171);
  assert.match((await failure('MURKY_STORE_FULL', () => ask(loop.responses[1]!.payload))).message, /^evenä{575}$/);
  assert.match((await failure('MURKY_STORE_FULL', () => ask(loop.responses[2]!.payload))).message, /^oddä{575}$/);
  for (const nonsense of [[], [2], [1], [1, 9, 65], [1, 3, 65, 66, 67], [1, 8, ...bytes('toString')]]) {
    await failure('MURKY_BAD_MESSAGE', () => ask(Uint8Array.from(nonsense)));
  }
});

test('a handler that fails, is missing or says too much is answered, and its words stay here', async () => {
  const { endpoint, loop } = await openScripted();
  endpoint.onRequest(RequestKind.Ping, async () => Promise.reject(new TypeError('secret')));
  endpoint.onRequest(RequestKind.Propagate, async () => new Uint8Array(1172));
  for (const kind of [RequestKind.Ping, RequestKind.Propagate, 99]) {
    loop.emit({ type: 'request', handle: BigInt(kind), ...peer, payload: Uint8Array.from([kind]) });
  }
  loop.emit({ type: 'request', handle: 100n, ...peer, payload: new Uint8Array() });
  await settle();
  const said = new Map(loop.responses.map(({ handle, payload }) => [handle, Buffer.from(payload).toString('latin1')]));
  assert.is(said.size, 4);
  assert.match(said.get(2n)!, 'MURKY_INTERNAL');
  assert.not.match(said.get(2n)!, 'secret');
  assert.match(said.get(3n)!, 'MURKY_INTERNAL');
  assert.match(said.get(99n)!, 'MURKY_BAD_REQUEST');
  assert.match(said.get(100n)!, 'MURKY_BAD_REQUEST');
});

test('timeouts, aborts, too long bodies and full loops reject', async () => {
  const { endpoint, loop } = await openScripted();
  const late = failure('MURKY_TIMEOUT', () => endpoint.request(peer, RequestKind.Ping, bytes(''), { timeoutMs: 70 }));
  await settle();
  loop.emit({ type: 'timeout', id: loop.requests[0]!.id });
  assert.match((await late).message, '127.0.0.1:5000');
  await failure('MURKY_BAD_ARGUMENT', () => endpoint.request(peer, RequestKind.Ping, new Uint8Array(1172)));
  const abort = new AbortController();
  const aborted = endpoint.request(peer, RequestKind.Ping, bytes(''), { signal: abort.signal });
  await settle();
  abort.abort(new Error('enough'));
  await aborted.then(
    () => assert.unreachable(),
    (error) => assert.is(error.message, 'enough'),
  );
  loop.request = () => false;
  await failure('MURKY_BUSY', () => endpoint.request(peer, RequestKind.Ping, bytes('')));
});

test('requests of one kind, however many wait, leave room for those of another', async () => {
  const { endpoint, loop } = await openScripted();
  const said = new Map<bigint, string>();
  loop.respond = (handle, payload) => void said.set(handle, Buffer.from(payload).toString('latin1'));
  endpoint.onRequest(RequestKind.Propagate, () => new Promise(() => {}));
  endpoint.onRequest(RequestKind.Ping, async () => bytes('here'));
  const ask = (handle: bigint, kind: RequestKind) =>
    loop.emit({ type: 'request', handle, host: '127.0.0.1', port: 9, payload: Buffer.of(kind) });
  for (let handle = 1n; handle <= 1100n; handle++) ask(handle, RequestKind.Propagate);
  ask(2000n, RequestKind.Ping);
  await settle();
  assert.match(said.get(1100n)!, 'MURKY_BUSY');
  assert.is(said.get(2000n), '\0here');
});

test('close rejects what is outstanding, once, and what comes later', async () => {
  const { endpoint, loop } = await openScripted();
  const outstanding = failure('MURKY_CLOSED', () => endpoint.request(peer, RequestKind.Ping, bytes('')));
  await settle();
  await endpoint.close();
  await endpoint.close();
  assert.is(loop.closed, 1);
  await outstanding;
  await failure('MURKY_CLOSED', () => endpoint.request(peer, RequestKind.Ping, bytes('')));
});

test('requests that were given up leave room for others', async () => {
  const [asker, other] = [await RainEndpoint.open(), await RainEndpoint.open()];
  const silent = createSocket('udp4').unref();
  await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
  const nobody = { host: '127.0.0.1', port: silent.address().port };
  other.onRequest(RequestKind.Status, async () => Buffer.from('here'));
  try {
    for (let round = 0; round < 5; round++) {
      const enough = new AbortController();
      setMaxListeners(0, enough.signal);
      const options = { timeoutMs: 60_000, signal: enough.signal };
      const ask = () => asker.request(nobody, RequestKind.Status, Buffer.of(1), options);
      const ended = Promise.allSettled(Array.from({ length: 1000 }, ask));
      await new Promise((resolve) => setImmediate(resolve));
      enough.abort();
      const busy = (await ended).filter((one) => one.status === 'rejected' && isMurkyError(one.reason, 'MURKY_BUSY'));
      assert.is(busy.length, 0, `in round ${round}`);
    }
    const answer = await asker.request(other.address, RequestKind.Status, Buffer.of(1));
    assert.is(Buffer.from(answer).toString(), 'here');
  } finally {
    silent.close();
    await Promise.all([asker.close(), other.close()]);
  }
});

test.run();
