import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RequestKind } from '../../src/rain/contract.js';
import { MemoryDisk } from '../simulation/memory-store.js';
import { type NodeOptions, type SimulatedNode, World } from '../simulation/world.js';

const BYTES_PER_SECOND = 3000;
const CONCURRENT = 2;
const SIZE = 1500;
const OBJECTS = 40;
const STEP_MS = 5;
const SLOW = { repair: { bytesPerSecond: BYTES_PER_SECOND, concurrent: CONCURRENT, compareMinutes: 60 } };
const FREE = { repair: { ...SLOW.repair, bytesPerSecond: 1e9 } };

const keys = Array.from({ length: OBJECTS }, (_, i) => `k${i}`);

interface Seen {
  /** Bytes that have been moved, after each step. */
  readonly moved: number[];
  /** Most that was going on at one moment. */
  most: number;
}

/** Watches `moved` and `running` in virtual time, until as many bytes have been moved as there are. */
async function watch(world: World, moved: () => number, running: () => number): Promise<Seen> {
  const seen: Seen = { moved: [moved()], most: 0 };
  while (seen.moved.at(-1)! < OBJECTS * SIZE && seen.moved.length < 120_000 / STEP_MS) {
    await world.time.run(STEP_MS);
    seen.moved.push(moved());
    seen.most = Math.max(seen.most, running());
  }
  return seen;
}

/** In no span of time more than the rate allows, and the objects that may be on their way at once. */
function assertWithinRate({ moved }: Seen): void {
  for (let from = 0; from < moved.length; from += 20) {
    for (let to = from + 1; to < moved.length; to++) {
      const seconds = ((to - from) * STEP_MS) / 1000;
      const bytes = moved[to]! - moved[from]!;
      const most = BYTES_PER_SECOND * seconds + CONCURRENT * SIZE;
      assert.ok(bytes <= most, `${bytes} bytes in ${seconds} s, at most ${most}`);
    }
  }
}

async function putAll(node: SimulatedNode): Promise<void> {
  for (const [i, key] of keys.entries()) await node.put(key, Buffer.alloc(SIZE, i));
}

/** Node 3 has lost all objects, and not its name: it finds that out and fetches all from nodes 1 and 2. */
async function refill(options: NodeOptions): Promise<Seen> {
  const world = new World();
  const [a, , c] = await world.startAll(3, FREE);
  await putAll(a!);
  await world.time.run(40_000); // a node that has just started compares nothing
  await world.kill(3);
  const disk = new MemoryDisk();
  for (const [name, fact] of c!.store.disk.facts) if (!name.startsWith('repair/')) disk.facts.set(name, fact);
  const empty = await world.start(3, [1, 2, 3], { ...options, propagateOnStartup: true, disk });
  const seen = await watch(
    world,
    () => empty.rain.fetchedBytes,
    () => empty.rain.fetching,
  );
  await world.closeAll();
  assert.is(seen.moved.at(-1), OBJECTS * SIZE, 'it is full again');
  return seen;
}

/** Node 3 was away for all writes, and cannot compare what it has: node 1 brings it what it owes. */
async function repay(options: NodeOptions, delayMs = 5): Promise<Seen> {
  const world = new World();
  const [a] = await world.startAll(3, options);
  await world.kill(3);
  await world.time.run(15_000);
  await putAll(a!);
  assert.is(a!.cluster.repair().queued, OBJECTS);
  await world.kill(2);
  world.net.delayMs = delayMs;
  const back = await world.start(3, [1, 2, 3], FREE);
  for (const { rain } of [a!, back]) rain.onRequest(RequestKind.Compare, () => new Promise(() => {}));
  const seen = await watch(
    world,
    () => back.rain.fetchedBytes,
    () => a!.rain.delivering,
  );
  await world.closeAll();
  assert.is(seen.moved.at(-1), OBJECTS * SIZE, 'it has all of it');
  return seen;
}

test('a node that lacks objects fetches them no faster than it may', async () => {
  assertWithinRate(await refill(SLOW));
});

test('a node that owes objects brings them no faster than it may', async () => {
  assertWithinRate(await repay(SLOW));
});

test('a node repairs no more objects at once than it may', async () => {
  assert.is((await repay(FREE, 300)).most, CONCURRENT);
});

test.run();
