import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RefuseReason } from '../../src/native/addon.js';
import { decodeManifest } from '../../src/object/manifest.js';
import { compareVersions, versionToBytes } from '../../src/object/version.js';
import { RequestKind } from '../../src/rain/contract.js';
import { decodeLookupAnswer, encodeLookup } from '../../src/rain/lookup.js';
import { MemorySource } from '../../src/rain/memory-source.js';
import { closeScripted, openScripted, settle } from './scripted-loop.js';

async function serving(source = new MemorySource()) {
  const { endpoint, loop } = await openScripted();
  endpoint.serve(source);
  const need = (resource: bigint, version: Uint8Array, block: number) =>
    loop.emit({ type: 'blockNeeded', resource, version, block });
  return { endpoint, loop, source, need };
}

test.after.each(closeScripted);

test('blocks and the manifest come from the source; what is not there is refused', async () => {
  const { endpoint, loop, source, need } = await serving();
  const manifest = source.add('7', Buffer.from('seven'));
  const version = versionToBytes(manifest.version);
  need(7n, version, 0);
  need(7n, version, 0xffffffff);
  need(7n, version, 1);
  need(8n, version, 0);
  need(7n, new Uint8Array(16), 0);
  await settle();
  const provided = new Map(loop.provided.map(({ block, bytes }) => [block, bytes]));
  assert.is(provided.size, 2);
  assert.is(Buffer.from(provided.get(0)!).toString(), 'seven');
  assert.equal(decodeManifest(provided.get(0xffffffff)!).version, manifest.version);
  assert.equal(
    loop.refused.map(({ reason }) => reason),
    [RefuseReason.NotHere, RefuseReason.NotHere, RefuseReason.NotHere],
  );
  await endpoint.close();
});

test('what is replaced or removed is not served any more', async () => {
  const { loop, source, need } = await serving();
  const first = source.add('7', Buffer.from('seven'));
  const place = new Promise<{ length: number }>((resolve) => {
    void source.readInPlace(7n, first.version, 0, async (held) => {
      resolve(held);
      return true;
    });
  });
  const second = source.add('7', Buffer.from('other'));
  assert.is((await place).length, 0, 'its memory is free');
  need(7n, versionToBytes(first.version), 0);
  need(7n, versionToBytes(second.version), 0);
  await settle();
  assert.equal(
    loop.provided.map(({ bytes }) => Buffer.from(bytes).toString()),
    ['other'],
  );
  assert.ok(source.remove(7n));
  assert.not(source.remove(7n));
  need(7n, versionToBytes(second.version), 0);
  await settle();
  assert.is(loop.provided.length, 1);
  assert.is(loop.refused.length, 2);
});

test('what is added again is a newer version if anything is new in it, and the same if not', () => {
  const [one, other] = [new MemorySource(), new MemorySource()];
  const bytes = Buffer.from('seven');
  const first = one.add('7', bytes);
  assert.equal(other.add('7', bytes).version, first.version, 'on every server the same');
  assert.equal(one.add('7', bytes).version, first.version);
  const second = one.add('7', Buffer.from('other'));
  assert.ok(compareVersions(second.version, first.version) > 0);
  assert.ok(compareVersions(one.add('7', Buffer.from('other'), { metadata: { a: 'b' } }).version, second.version) > 0);
  assert.equal(one.add('7', bytes, { version: first.version }).version, first.version);
});

test('a source that fails refuses the block and harms nobody', async () => {
  const source = new MemorySource();
  source.block = async () => Promise.reject(new Error('disk'));
  const { endpoint, loop, need } = await serving(source);
  need(7n, new Uint8Array(16), 3);
  await settle();
  assert.equal(loop.refused, [{ block: 3, reason: RefuseReason.Unreadable }]);
  await endpoint.close();
});

test('a block in a file is left to the loop; what is not found there is read and told as any other', async () => {
  const source = new MemorySource();
  const read: number[] = [];
  source.block = async (_id, _version, index) => {
    read.push(index);
    if (index === 2) throw new Error('damaged');
    return Buffer.from('x');
  };
  const place = { descriptor: 5, offset: 28, length: 1, sha256: new Uint8Array(32) };
  source.readInPlace = async (_id, _version, index, readFrom) => index > 0 && (await readFrom(place));
  const { endpoint, loop, need } = await serving(source);
  need(7n, new Uint8Array(16), 0); // in no file
  need(7n, new Uint8Array(16), 1);
  await settle();
  assert.equal(loop.places, [place]);
  assert.equal(read, [0]);
  loop.inFile = false;
  need(7n, new Uint8Array(16), 2);
  need(7n, new Uint8Array(16), 3);
  await settle();
  assert.equal(read, [0, 2, 3]);
  assert.equal(
    loop.provided.map(({ block }) => block),
    [0, 3],
  );
  assert.equal(loop.refused, [{ block: 2, reason: RefuseReason.Unreadable }]);
  need(7n, new Uint8Array(16), 0xffffffff);
  await settle();
  assert.is(loop.places.length, 3, 'the manifest lies in no file');
  await endpoint.close();
});

test('reads at once are limited, the rest wait, and beyond that is busy', async () => {
  const source = new MemorySource();
  let running = 0;
  let most = 0;
  let finish: () => void = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  source.block = async () => {
    most = Math.max(most, ++running);
    await finished;
    running--;
    return Buffer.from('x');
  };
  const { endpoint, loop, need } = await serving(source);
  for (let block = 0; block < 2000; block++) need(7n, new Uint8Array(16), block);
  await settle();
  const busy = loop.refused.length;
  assert.ok(busy > 0 && loop.refused.every(({ reason }) => reason === RefuseReason.Busy));
  finish();
  await settle();
  assert.is(loop.provided.length + busy, 2000);
  assert.is(most, 32);
  await endpoint.close();
});

test('what is read when the endpoint closes is dropped', async () => {
  const source = new MemorySource();
  let finish: (bytes: Uint8Array) => void = () => {};
  source.block = () =>
    new Promise((resolve) => {
      finish = resolve;
    });
  const { endpoint, loop, need } = await serving(source);
  need(7n, new Uint8Array(16), 0);
  await endpoint.close();
  finish(Buffer.from('x'));
  await settle();
  assert.is(loop.provided.length, 0);
});

test('a lookup is answered from the source', async () => {
  const { endpoint, loop, source } = await serving();
  const manifest = source.add('7', Buffer.from('seven'));
  for (const id of [7n, 8n]) {
    const payload = Buffer.concat([Buffer.from([RequestKind.Lookup]), encodeLookup(id)]);
    loop.emit({ type: 'request', handle: id, host: '127.0.0.1', port: 5000, payload });
  }
  await settle();
  const [here, missing] = loop.responses.map(({ handle, payload }) => decodeLookupAnswer(payload.subarray(1), handle));
  assert.equal(here!.manifest?.version, manifest.version);
  assert.not(missing!.found);
  await endpoint.close();
});

test.run();
