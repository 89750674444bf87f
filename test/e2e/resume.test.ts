import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanUp, NodeProcess, someBytes, until } from './node-process.js';

const MIB = 2 ** 20;
const KEY = '44'.repeat(32);
const BLOCKS = 32;
const config = { 'cluster.replicas': 1, 'cluster.write-quorum': 1 };

let holder: NodeProcess;
let reader: NodeProcess;

test.before(async () => {
  // Slow enough that a download can be broken off in its middle.
  const slow = { ...config, 'pouring-rain.max-rate-bits-per-second': 160_000_000 };
  holder = await NodeProcess.start({ key: KEY, config: slow });
  const peers = [holder.rainAddress];
  reader = await NodeProcess.start({ key: KEY, peers, config: { ...config, 'cluster.weight': 0 } });
  await reader.meets(1);
});
test.after(cleanUp);

/** Reads a key until so many bytes have come, and leaves the body unread from there. */
async function readPart(key: string, bytes: number): Promise<AbortController> {
  const hangUp = new AbortController();
  const { body } = await reader.get(key, { signal: hangUp.signal });
  let come = 0;
  for (const pieces = body!.getReader(); come < bytes; ) come += (await pieces.read()).value?.length ?? bytes;
  return hangUp;
}

async function readAll(key: string): Promise<Buffer> {
  return Buffer.from(await (await reader.get(key)).arrayBuffer());
}

const decoded = async () => (await reader.status()).transport.blocksDecoded as number;
/** Blocks of the value, and the manifest where it does not fit a lookup's answer. */
const needed = (blocks: number) => blocks + 1;

test('a get that kill -9 broke off goes on with what the disk has', async () => {
  const value = someBytes(BLOCKS * MIB, 5);
  assert.is((await holder.put('killed', value)).status, 201);
  await readPart('killed', 20 * MIB);
  await reader.kill();
  await reader.start();
  await reader.meets(1);
  const { store } = await reader.status();
  assert.is(store.objects, 0, 'nothing is to be seen of it');
  const kept = store.otherBytes / MIB;
  assert.ok(kept >= 12 && kept < BLOCKS, `${kept} blocks were kept`);
  assert.ok((await readAll('killed')).equals(value));
  const fetched = await decoded();
  assert.ok(fetched <= needed(BLOCKS - kept), `${fetched} blocks were fetched, and ${kept} were there`);
  await until('the copy', 5, async () => (await reader.status()).store.cachedBytes === BLOCKS * MIB);
  assert.is((await reader.status()).store.otherBytes, 0);
});

test('a get whose reader hung up goes on, and one of a newer version begins anew', async () => {
  const value = someBytes(BLOCKS * MIB, 6);
  assert.is((await holder.put('left', value)).status, 201);
  (await readPart('left', 8 * MIB)).abort();
  await until('its blocks', 5, async () => (await reader.status()).store.otherBytes >= 8 * MIB);
  await until('the end of the fetch', 5, async () => {
    return ((await (await fetch(`${reader.http}/fetches`)).json()) as unknown[]).length === 0;
  });
  const kept = (await reader.status()).store.otherBytes / MIB;
  const before = await decoded();
  assert.ok((await readAll('left')).equals(value));
  assert.ok((await decoded()) - before <= needed(BLOCKS - kept), `${kept} blocks were there`);

  const old = someBytes(BLOCKS * MIB, 7);
  const newer = someBytes(BLOCKS * MIB, 8);
  assert.is((await holder.put('changed', old)).status, 201);
  (await readPart('changed', 8 * MIB)).abort();
  assert.is((await holder.put('changed', newer)).status, 200);
  const beforeNewer = await decoded();
  assert.ok((await readAll('changed')).equals(newer));
  assert.ok((await decoded()) - beforeNewer >= BLOCKS);
});

test.run();
