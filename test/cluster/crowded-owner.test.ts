import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { put } from '../../src/node/put.js';
import { sleep } from '../../src/seam/clock.js';
import { World } from '../simulation/world.js';

const FETCH_MS = 2000;
const WRITE_TIMEOUT_MS = 5000;

/** Puts at once at one of two nodes, where the other one takes two seconds to fetch each block; how many were confirmed. */
async function putAll(count: number, bytes: number): Promise<number> {
  const world = new World();
  const [a, b] = await world.startAll(2, { writeTimeoutMs: WRITE_TIMEOUT_MS });
  const fetch = b!.rain.fetch.bind(b!.rain);
  b!.rain.fetch = (...wanted) => {
    const blocks = fetch(...wanted);
    return {
      report: () => blocks.report(),
      addServer: (server) => blocks.addServer(server),
      async *[Symbol.asyncIterator]() {
        for await (const block of blocks) {
          await sleep(world.time.clock(), FETCH_MS);
          yield block;
        }
      },
    };
  };
  const value = Buffer.alloc(bytes, 1);
  const puts = Array.from({ length: count }, (_, i) => put(a!.parts, `k${i}`, value));
  const ended = await world.time.until(Promise.allSettled(puts));
  await world.closeAll();
  return ended.filter((one) => one.status === 'fulfilled' && one.value.durable === 2).length;
}

test('puts that an owner fetches one after the other do not time out while it gets on', async () => {
  assert.is(await putAll(60, 1), 60);
});

test('large ones, too', async () => {
  assert.is(await putAll(12, 2 ** 21), 12);
});

test('nor do those time out that wait until the owner can be asked', async () => {
  assert.is(await putAll(150, 1), 150);
});

test.run();
