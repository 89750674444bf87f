import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { addon, type SimulationScenario } from '../../src/native/addon.js';
import { BLOCK_BYTES } from '../../src/object/manifest.js';
import { MemorySource } from '../../src/rain/memory-source.js';
import { noise, same } from './bytes.js';
import { held } from './held.js';
import { client, closeAll, pause, server } from './open.js';
import { closeScripted, ManualClock, openScripted, settle } from './scripted-loop.js';

test.after.each(closeScripted);
test.after.each(closeAll);

const MIB = 2 ** 20;

/** A fetch of 300 blocks in which the test says what the paths need. */
async function start(fetchWindowBytes: number) {
  const value = Buffer.alloc(300 * BLOCK_BYTES);
  const manifest = new MemorySource().add('7', value);
  const clock = new ManualClock();
  const { endpoint, loop } = await openScripted({ clock, fetchWindowBytes });
  const blocks = endpoint.fetch(manifest, [{ host: '127.0.0.1', port: 5001 }])[Symbol.asyncIterator]();
  const first = blocks.next();
  first.catch(() => {}); // ended by the test's end
  await settle();
  const give = async (index: number) => {
    const bytes = value.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES);
    loop.emit({ type: 'blockDecoded', fetch: 1, block: index, bytes: held(bytes), fromServers: [1] });
    await settle();
  };
  return { blocks, first, loop, clock, give };
}

test('a fetch looks as far ahead as its paths need, from twelve blocks on', async () => {
  const { blocks, first, loop, clock, give } = await start(1024 * MIB);
  assert.is(loop.wanted.length, 12);
  loop.lookAheadBytes = 20.5 * MIB;
  clock.advance(100);
  await give(3); // out of its turn: the reader still waits for the first
  assert.is(loop.wanted.length, 21);
  loop.lookAheadBytes = 1000 * MIB;
  clock.advance(100);
  await give(0);
  await first;
  blocks.next().catch(() => {}); // ended by the test's end
  await settle();
  assert.is(loop.wanted.length, 1 + 256, 'never above 256 blocks');
});

test('the window in bytes is the limit whatever the paths need', async () => {
  const { loop, clock, give } = await start(14 * MIB);
  loop.lookAheadBytes = 1000 * MIB;
  clock.advance(100);
  await give(3);
  assert.is(loop.wanted.length, 14);
});

test('while blocks that are being decoded fill the memory no more are wanted', async () => {
  const { blocks, first, loop, clock, give } = await start(30 * MIB);
  loop.lookAheadBytes = 1000 * MIB;
  loop.decoderBytes = 38.5 * MIB; // of 30 and a third; one block is whole besides
  clock.advance(100);
  await give(3);
  assert.is(loop.wanted.length, 12);
  loop.decoderBytes = 33.5 * MIB;
  clock.advance(100);
  await give(4);
  assert.is(loop.wanted.length, 12 + 4, 'four fit beside what is decoded and the two that are whole');
  loop.decoderBytes = 1000 * MIB;
  clock.advance(100);
  await give(0);
  await first;
  blocks.next().catch(() => {}); // ended by the test's end
  await settle();
  assert.is(loop.wanted.length, 16, 'what is wanted stays wanted');
});

// The server counts what it sent: what a reader who stands still has in memory cannot be more.
test('a reader who stands still holds no more than the window, of an object of any size', async () => {
  const value = noise(96 * BLOCK_BYTES);
  const one = await server();
  one.add('x', value);
  const rain = await client({ fetchWindowBytes: 16 * MIB });
  const { body } = await rain.stream('x', { servers: [one.address] });
  const reader = body[Symbol.asyncIterator]();
  const read: Uint8Array[] = [(await reader.next()).value!];
  let sent = -1;
  while (sent !== one.counters().symbolsSent!) {
    sent = one.counters().symbolsSent!;
    await pause(300);
  }
  const decoded = rain.counters().blocksDecoded!;
  assert.ok(decoded <= 1 + 16, `${decoded} blocks decoded, one taken`);
  assert.ok(sent <= 17 * 781 * 1.05, `${sent} symbols sent`);
  for (let next = await reader.next(); !next.done; next = await reader.next()) read.push(next.value);
  assert.ok(same(Buffer.concat(read), value));
});

// Of 128 MiB: 64 MiB, or three times what the paths carry in a round trip.
for (const [servers, delayMs, loss, least] of [
  [4, 50, 0.1, 0.86],
  [8, 50, 0.1, 0.82],
  [4, 300, 0.02, 0.53],
] as const) {
  test(`${servers} servers at ${delayMs} ms are kept busy within the memory of a fetch`, () => {
    const server = { rateBitsPerSecond: 100e6, delayMs, loss, queueMs: 50 };
    const each = Array.from({ length: servers }, () => server);
    const given: SimulationScenario = { seed: 7, objectBytes: 128 * MIB, servers: each, lookUpFirst: true };
    const result = addon().simulate(given);
    assert.ok(result.done && result.intact);
    const goodput = (given.objectBytes * 8) / (result.virtualMs / 1000) / (servers * 100e6 * (1 - loss));
    assert.ok(goodput >= least, `efficiency ${goodput}`);
    const goal = Math.max(64 * MIB, (3 * servers * 100e6 * 2 * delayMs) / 8000);
    assert.ok(result.mostBytesHeld <= goal, `${result.mostBytesHeld / MIB} MiB held of ${goal / MIB}`);
  });
}

test.run();
