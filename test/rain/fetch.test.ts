import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RefuseReason, ServerState } from '../../src/native/addon.js';
import type { Manifest } from '../../src/object/manifest.js';
import { encodeLookupAnswer } from '../../src/rain/lookup.js';
import { MemorySource } from '../../src/rain/memory-source.js';
import { type Sha256, sha256Here } from '../../src/seam/digest.js';
import { held } from './held.js';
import { failure } from './rejects.js';
import { closeScripted, ManualClock, openScripted, settle } from './scripted-loop.js';

test.after.each(closeScripted);

const byNumber = (a: number, b: number) => a - b;
const MIB = 2 ** 20;
const A = { host: '127.0.0.1', port: 5001 };
const B = { host: '127.0.0.1', port: 5002 };
const C = { host: '127.0.0.1', port: 5003 };

/** A fetch of `blocks` blocks from A, B and C, whose packets the test plays. */
async function start(blocks: number, options: object = {}) {
  const value = Buffer.alloc(blocks * MIB - 5);
  for (let block = 0; block < blocks; block++) value[block * MIB] = block + 1;
  const source = new MemorySource();
  const manifest = source.add('7', value);
  const clock = new ManualClock();
  const { endpoint, loop } = await openScripted({ clock });
  const fetch = endpoint.fetch(manifest, [A, B, C], options);
  const block = (index: number) => value.subarray(index * MIB, (index + 1) * MIB);
  const give = (index: number, from: number[], bytes: Uint8Array = block(index), handle = 1, sha256?: Sha256) => {
    const given = held(bytes, sha256);
    loop.emit({ type: 'blockDecoded', fetch: handle, block: index, bytes: given, fromServers: from });
    return given;
  };
  const refuse = (server: number, reason: RefuseReason) =>
    loop.emit({ type: 'serverState', fetch: 1, server, state: ServerState.Refused, reason });
  const wrong = (index: number) => Buffer.from(block(index)).fill(99, 10, 11);
  return { fetch, blocks: fetch[Symbol.asyncIterator](), loop, clock, endpoint, block, give, refuse, wrong, manifest };
}

test('blocks come in order whatever the order of their arrival', async () => {
  const { blocks, give, block, loop } = await start(3);
  const first = blocks.next();
  await settle();
  give(2, [1, 1, 1]);
  give(1, [1, 1, 1]);
  give(0, [1, 1, 1]);
  for (const expected of [0, 1, 2]) {
    const { value } = expected === 0 ? await first : await blocks.next();
    assert.is(value!.index, expected);
    assert.ok(Buffer.from(value!.bytes).equals(block(expected)));
  }
  assert.ok((await blocks.next()).done);
  assert.equal(loop.closedFetches, [1]);
});

test('servers that leave while the last block is being verified do not end the fetch', async () => {
  let finish = () => {};
  const sha256: Sha256 = async (bytes) => {
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    return await sha256Here(bytes);
  };
  const { blocks, give, refuse, block, loop } = await start(1);
  const first = blocks.next();
  await settle();
  give(0, [1, 1, 1], block(0), 1, sha256);
  for (const server of [0, 1, 2]) refuse(server, RefuseReason.NotHere);
  await settle();
  // Whoever is asked whether there is a newer version says nothing.
  for (const { id } of loop.requests) loop.emit({ type: 'timeout', id });
  await settle();
  finish();
  assert.ok(Buffer.from((await first).value!.bytes).equals(block(0)));
});

test('a fetch takes symbols as long as the paths to its servers carry', async () => {
  for (const [mtu, symbolBytes] of [
    [65536, 8896],
    [1280, 1152],
  ] as const) {
    const { blocks, loop } = await start(1);
    loop.mtu = mtu;
    void blocks.next().catch(() => {});
    await settle();
    assert.is(loop.opened[0]!.symbolBytes, symbolBytes);
  }
});

test('no more blocks are asked for than the window has room', async () => {
  const { blocks, give, loop } = await start(40, { windowBlocks: 4 });
  const first = blocks.next();
  await settle();
  assert.equal(
    loop.wanted.map(({ block }) => block),
    [0, 1, 2, 3],
  );
  for (const index of [0, 1, 2, 3]) give(index, [1]);
  await settle();
  assert.is(loop.wanted.length, 4, 'nothing was taken yet');
  await first;
  await blocks.next();
  assert.is(loop.wanted.length, 5);
  await blocks.return!();
});

test('a pending read ends with its fetch', async () => {
  const { blocks, loop } = await start(50);
  const first = blocks.next();
  await settle();
  await blocks.return!();
  assert.ok((await first).done);
  assert.equal(loop.closedFetches, [1]);
});

test('a part of an object can be fetched', async () => {
  const { blocks, give, loop } = await start(9, { firstBlock: 3, endBlock: 5 });
  const first = blocks.next();
  await settle();
  give(3, [1]);
  give(4, [1]);
  assert.is((await first).value!.index, 3);
  assert.is((await blocks.next()).value!.index, 4);
  assert.ok((await blocks.next()).done);
  assert.equal(
    loop.wanted.map(({ block }) => block),
    [3, 4],
  );
  const { endpoint, manifest } = await start(2);
  for (const range of [{ firstBlock: -1 }, { endBlock: 3 }, { firstBlock: 2, endBlock: 1 }, { firstBlock: 0.5 }]) {
    await failure('MURKY_BAD_ARGUMENT', () => endpoint.fetch(manifest, [A], range));
  }
});

test('wrong bytes are never handed on: the true ones show who sent wrong symbols, who is named and left out', async () => {
  const { fetch, blocks, give, wrong, block, loop } = await start(2);
  const first = blocks.next();
  await settle();
  give(0, [300, 400, 0], wrong(0));
  await settle();
  assert.equal(
    loop.opened.slice(1).map(({ servers }) => servers),
    [[A], [B]],
    'C gave nothing to it',
  );
  loop.wrong = [0, 4, 0]; // B, although it has not answered alone yet
  give(0, [781], block(0), 2);
  assert.ok(Buffer.from((await first).value!.bytes).equals(block(0)));
  await settle();
  assert.equal(fetch.report().culprits, ['127.0.0.1:5002']);
  assert.equal(loop.removed, [{ fetch: 1, server: 1 }]);
  assert.equal(loop.closedFetches, [2, 3], 'nobody is asked any longer');
  give(1, [1, 500, 1], wrong(1)); // what the culprit sent before it was found out
  await settle();
  assert.is(loop.opened.length, 3, 'no second trial is needed');
  assert.equal(loop.wanted.at(-1), { fetch: 1, block: 1 });
  give(1, [400, 0, 400]);
  assert.ok(Buffer.from((await blocks.next()).value!.bytes).equals(block(1)));
  await blocks.return!();
});

test('one who was honest when asked alone is named all the same', async () => {
  const { fetch, blocks, give, wrong, block, loop } = await start(2);
  const first = blocks.next();
  await settle();
  give(0, [300, 400, 0], wrong(0));
  await settle();
  loop.wrong = [0, 1, 0];
  give(0, [781], block(0), 3);
  await first;
  await settle();
  assert.equal(fetch.report().culprits, ['127.0.0.1:5002']);
  await blocks.return!();
});

test('wrong bytes from one server alone need no trial', async () => {
  const { fetch, blocks, give, wrong, loop } = await start(2);
  const first = blocks.next();
  await settle();
  give(0, [0, 781, 0], wrong(0));
  await settle();
  assert.is(loop.opened.length, 1);
  assert.equal(fetch.report().culprits, ['127.0.0.1:5002']);
  assert.equal(loop.wanted.at(-1), { fetch: 1, block: 0 });
  await Promise.all([blocks.return!(), first]);
});

test('wrong bytes from all end the fetch', async () => {
  const { blocks, give, wrong } = await start(1);
  const first = failure('MURKY_POLLUTED', () => blocks.next());
  await settle();
  give(0, [300, 400, 100], wrong(0));
  await settle();
  for (const handle of [2, 3, 4]) give(0, [781], wrong(0), handle);
  const error = await first;
  assert.match(error.message, '127.0.0.1:5001, 127.0.0.1:5002, 127.0.0.1:5003');
});

test('symbols that contradict each other are wrong bytes too', async () => {
  const { fetch, blocks, give, block } = await start(1);
  const first = blocks.next();
  await settle();
  give(0, [300, 400, 0], new Uint8Array());
  await settle();
  give(0, [9], new Uint8Array(), 3);
  await settle();
  give(0, [781], block(0), 2);
  assert.ok(Buffer.from((await first).value!.bytes).equals(block(0)));
  await settle();
  assert.equal(fetch.report().culprits, ['127.0.0.1:5002']);
  await blocks.return!();
});

test('one who sends nothing when asked alone is left out too', async () => {
  const { blocks, give, wrong, loop, clock, fetch } = await start(2, { stallTimeoutMs: 1000 });
  const first = blocks.next();
  await settle();
  give(0, [300, 400, 0], wrong(0));
  await settle();
  clock.advance(500);
  give(0, [781], wrong(0), 2);
  await settle();
  loop.useful++;
  clock.advance(499);
  await settle();
  assert.equal(loop.removed, [{ fetch: 1, server: 0 }]);
  clock.advance(1);
  await settle();
  assert.equal(loop.removed.at(-1), { fetch: 1, server: 1 });
  assert.equal(fetch.report().culprits, ['127.0.0.1:5001'], 'of the other nothing is proved');
  await Promise.all([blocks.return!(), first]);
});

test('servers without the version are left out; the last one gone ends the fetch', async () => {
  const { blocks, refuse, loop } = await start(1);
  const first = failure('MURKY_NO_SERVER', () => blocks.next());
  await settle();
  refuse(0, RefuseReason.Busy);
  refuse(1, RefuseReason.NotHere);
  refuse(2, RefuseReason.Unreadable);
  assert.equal(loop.removed, [
    { fetch: 1, server: 1 },
    { fetch: 1, server: 2 },
  ]);
  refuse(0, RefuseReason.BadShape);
  await settle();
  assert.is(loop.requests.length, 1, 'the one without the version is asked what it has');
  loop.emit({ type: 'timeout', id: loop.requests[0]!.id });
  const error = await first;
  assert.match(error.message, '127.0.0.1:5002 does not have it');
  assert.match(error.message, 'for "7": ');
  assert.match(error.message, '127.0.0.1:5003 cannot read it');
});

test('a version overwritten meanwhile is told from one that is lost', async () => {
  const { blocks, refuse, loop } = await start(1);
  const first = failure('MURKY_SUPERSEDED', () => blocks.next());
  await settle();
  for (const server of [0, 1, 2]) refuse(server, RefuseReason.NotHere);
  await settle();
  const newer = new MemorySource().add('7', Buffer.from('new'), { version: { time: 2n, node: 0n } });
  const answer = Buffer.concat([Buffer.from([0]), encodeLookupAnswer(newer)]);
  for (const { id } of loop.requests) loop.emit({ type: 'response', id, payload: answer });
  await first;
});

test('a server whose host name is not known is said to be that', async () => {
  const resolveHost = async () => {
    throw new Error('ENOTFOUND');
  };
  const { endpoint } = await openScripted({ resolveHost });
  const manifest = new MemorySource().add('photo.jpg', Buffer.from('x'));
  const blocks = endpoint.fetch(manifest, [{ host: 'nowhere.example', port: 5001 }])[Symbol.asyncIterator]();
  const { message } = await failure('MURKY_NO_SERVER', () => blocks.next());
  assert.is(message, 'No server is left for "photo.jpg": nowhere.example:5001 has a host name that is not known.');
});

test('servers that lost the version and have no newer one are gone', async () => {
  const { blocks, refuse, loop, manifest } = await start(1);
  const first = failure('MURKY_NO_SERVER', () => blocks.next());
  await settle();
  for (const server of [0, 1, 2]) refuse(server, RefuseReason.NotHere);
  await settle();
  const older = { ...manifest, version: { time: 0n, node: 9n } };
  const say = (id: bigint, answer: Manifest | undefined) =>
    loop.emit({ type: 'response', id, payload: Buffer.concat([Buffer.from([0]), encodeLookupAnswer(answer)]) });
  const [a, b, c] = loop.requests;
  say(a!.id, older);
  say(b!.id, manifest);
  say(c!.id, undefined);
  await first;
});

test('a fetch without progress ends and says what each server did; a slow reader is no stall', async () => {
  const { blocks, give, loop, clock } = await start(3, { windowBlocks: 1, stallTimeoutMs: 1000 });
  const first = blocks.next();
  await settle();
  clock.advance(900);
  loop.useful = 10;
  clock.advance(900);
  give(0, [1]);
  await first;
  clock.advance(60_000);
  assert.not.ok(loop.closedFetches.includes(1), 'nobody was asked for anything');
  const second = failure('MURKY_NO_SERVER', () => blocks.next());
  await settle();
  clock.advance(2000);
  const error = await second;
  assert.match(error.message, '127.0.0.1:5001 sent nothing useful any more');
  // With the probes for shorter symbols, as nothing came.
  assert.equal(
    loop.closedFetches.toSorted(byNumber),
    Array.from(loop.opened, (_, index) => index + 1),
  );
});

test('an abort ends the fetch at once with its reason', async () => {
  const abort = new AbortController();
  const { blocks, loop } = await start(2, { signal: abort.signal });
  const first = blocks.next();
  await settle();
  abort.abort(new Error('enough'));
  await first.then(
    () => assert.unreachable(),
    (error) => assert.is(error.message, 'enough'),
  );
  assert.equal(loop.closedFetches, [1]);
  const { blocks: late, loop: unused } = await start(2, { signal: abort.signal });
  await late.next().then(
    () => assert.unreachable(),
    (error) => assert.is(error.message, 'enough'),
  );
  assert.is(unused.opened.length, 0);
});

test('closing the endpoint ends its fetches', async () => {
  const { blocks, endpoint, loop } = await start(2);
  const first = failure('MURKY_CLOSED', () => blocks.next());
  await settle();
  await endpoint.close();
  await first;
  assert.equal(loop.closedFetches, [1]);
});

test('a server can join a running fetch, once', async () => {
  const { fetch, blocks, loop } = await start(2);
  const first = blocks.next();
  await settle();
  const late = { host: '127.0.0.1', port: 6000 };
  fetch.addServer(late);
  fetch.addServer(A);
  await settle();
  fetch.addServer(late);
  await settle();
  assert.equal(loop.added, [{ fetch: 1, ...late }]);
  await blocks.return!();
  await first;
});

test('a loop that is full says busy', async () => {
  const { blocks, loop } = await start(1);
  loop.openFetch = () => 0;
  await failure('MURKY_BUSY', () => blocks.next());
});

test('blocks that nobody reads any more give their memory back at once', async () => {
  const { blocks, give, wrong, block, loop } = await start(5);
  const first = blocks.next();
  await settle();
  const repeated = [give(0, [1, 1, 1])];
  await first;
  repeated.push(give(0, [1, 1, 1]));
  const bad = give(1, [1, 0, 0], wrong(1));
  const waiting = give(2, [1, 1, 1]);
  await settle();
  assert.equal(
    repeated.map(({ state }) => state),
    ['taken', 'dropped'],
  );
  assert.is(bad.state, 'dropped');
  assert.is(waiting.state, 'held');
  let finish = () => {};
  const verifying = give(3, [0, 1, 1], block(3), 1, async (bytes) => {
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    return await sha256Here(bytes);
  });
  await settle();
  await blocks.return!();
  assert.equal(loop.closedFetches, [1]);
  assert.is(waiting.state, 'dropped');
  finish();
  await settle();
  assert.is(verifying.state, 'dropped');
  assert.is(give(4, [0, 1, 1]).state, 'dropped', 'the fetch has ended');
});

test.run();
