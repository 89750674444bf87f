import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanUp, freePort, NodeProcess, someBytes, until } from './node-process.js';

const KEY = '33'.repeat(32);
const KIB = 1024;
/** From values that the index holds to ones of several blocks. */
const SIZES = [100, 3 * KIB, 40 * KIB, 700 * KIB, 2100 * KIB];
const BEFORE = 40;
const READERS = 3;
/** Reads at a node that holds nothing, of which each goes over the network. */
const FAR_READERS = 2;

test.after(cleanUp);

/** What was acknowledged last, by key: the seed and the length of its bytes, or null for a delete. */
type Written = Map<string, { seed: number; size: number } | null>;

async function write(node: NodeProcess, written: Written, n: number): Promise<void> {
  const key = `object-${n}`;
  const value = { seed: n + 1, size: SIZES[n % SIZES.length]! };
  const put = await node.put(key, someBytes(value.size, value.seed));
  assert.is(put.status, 201, `the put of ${key} was answered ${put.status}: ${await put.text()}`);
  written.set(key, value);
  if (n % 7 !== 3) return;
  const deleted = await node.delete(key);
  assert.is(deleted.status, 204, `the delete of ${key} was answered ${deleted.status}: ${await deleted.text()}`);
  written.set(key, null);
}

/** Says where it was read from. Reads what was acknowledged when the read began; keys are written once, so that nothing else may come. */
async function read(node: NodeProcess, written: Written, key: string): Promise<string | null> {
  const value = written.get(key)!;
  const got = await node.get(key);
  const bytes = new Uint8Array(await got.arrayBuffer());
  if (value === null) assert.is(got.status, 404, `${key} was deleted`);
  else {
    assert.is(got.status, 200, `the get of ${key} was answered ${got.status}: ${Buffer.from(bytes)}`);
    assert.is(Buffer.compare(bytes, someBytes(value.size, value.seed)), 0, `the bytes of ${key}`);
  }
  return got.headers.get('x-murky-source');
}

test('a node that loses its folder under load is full again without a command, and no read fails', async () => {
  const ports = [await freePort(), await freePort(), await freePort()];
  const peers = ports.map((port) => ({ host: '127.0.0.1', port }));
  const nodes = await Promise.all(ports.map((rainPort) => NodeProcess.start({ key: KEY, rainPort, peers })));
  await Promise.all(nodes.map((node) => node.meets(2)));
  const wiped = nodes[2]!;
  // Owns nothing, and has no room to keep copies of what it reads: it asks the owners, the one that is wiped among them.
  const reader = await NodeProcess.start({ key: KEY, peers, config: { 'cluster.weight': 0, 'cache.max-bytes': 0 } });
  await reader.meets(3);
  const serving = new Set(nodes);
  const written: Written = new Map();
  let next = 0;
  while (next < BEFORE) await write(nodes[next % 3]!, written, next++);

  let loaded = true;
  let [reads, farReads] = [0, 0];
  const writing = (async () => {
    while (loaded) await write(nodes[next % 2]!, written, next++);
  })();
  const reading = Array.from({ length: READERS }, async (_, reader) => {
    for (let turn = reader; loaded; turn++) {
      const at = [...serving];
      const settled = [...written.keys()].slice(0, BEFORE); // those below may be deleted while they are read
      await read(at[turn % at.length]!, written, settled[(turn * 17) % settled.length]!);
      reads += 1;
    }
  });
  const farReading = Array.from({ length: FAR_READERS }, async (_, turn) => {
    for (let at = turn; loaded; at += FAR_READERS) {
      const key = `object-${(at * 13) % BEFORE}`;
      const source = await read(reader, written, key);
      if (written.get(key) !== null) assert.is(source, 'cluster');
      farReads += 1;
    }
  });
  const load = Promise.all([writing, ...reading, ...farReading]);
  const fault = (async () => {
    const before = wiped.id;
    serving.delete(wiped);
    await new Promise((resolve) => setTimeout(resolve, 300)); // reads that it was asked for end first
    await wiped.kill();
    rmSync(join(wiped.folder, 'data'), { recursive: true });
    const readBefore = farReads;
    await until('writes and far reads while it is away', 20, async () => next >= BEFORE + 15 && farReads > readBefore);
    await wiped.start();
    assert.is.not(wiped.id, before, 'the folder is a new one');
    serving.add(wiped); // as soon as it says that it is ready it is read from, and must not say "not found"
    const enough = () => next >= BEFORE + 30 && reads > BEFORE && farReads > BEFORE;
    await until('writes after its return, and reads', 20, async () => enough());
  })();
  await Promise.race([load, fault]).finally(() => {
    loaded = false;
  });
  await load;
  assert.ok(reads > BEFORE, `only ${reads} reads`);
  assert.ok(farReads > BEFORE, `only ${farReads} reads over the network`);

  const held = [...written.values()].filter((value) => value !== null);
  const bytes = held.reduce((sum, { size }) => sum + size, 0);
  const full = { objects: held.length, tombstones: written.size - held.length, replicaBytes: bytes };
  await until('a full node', 30, async () => {
    const { objects, tombstones, replicaBytes } = (await wiped.status()).store;
    return isDeepStrictEqual({ objects, tombstones, replicaBytes }, full);
  });
  // What it has it has by itself.
  for (const other of nodes.slice(0, 2)) await other.kill();
  for (const key of written.keys()) await read(wiped, written, key);
});

test.run();
