import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Decoder } from '../../src/codec/decoder.js';
import { Encoder } from '../../src/codec/encoder.js';
import { isMurkyError } from '../../src/errors.js';
import { addon } from '../../src/native/addon.js';
import { randomBytes } from './random-bytes.js';

const MOST_BYTES_OUT = 128 * 2 ** 20;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

const code = (expected: Parameters<typeof isMurkyError>[1]) => (error: unknown) => isMurkyError(error, expected);

/** A decoder that has its block, from source symbols `lost` on and repair symbols. */
function decoded(block: Uint8Array, symbolBytes: number, lost: number): Decoder {
  const encoder = new Encoder(block, symbolBytes);
  const decoder = new Decoder(block.length, symbolBytes);
  for (let esi = lost; !decoder.decoded; esi++) decoder.add(esi, encoder.symbol(esi));
  encoder.close();
  return decoder;
}

/** Until no block is out: collected arrays give their memory back between two turns of the event loop. */
async function collectAll(): Promise<number> {
  for (let turn = 0; turn < 50 && addon().blockBytesOut() > 0; turn++) {
    collect();
    await setImmediate();
  }
  return addon().blockBytesOut();
}

for (const k of [20, 100]) {
  test(`a block is handed over once, K = ${k}`, () => {
    const block = randomBytes(k * 64 - 5, k);
    const decoder = decoded(block, 64, 3);
    const out = new Uint8Array(block.length);
    assert.is(decoder.take(out), out, 'copies before that are free');
    assert.equal(decoder.take(out), block);
    assert.equal(decoder.take(), block);
    assert.throws(() => decoder.take(), code('MURKY_BLOCK_TAKEN'));
    assert.throws(() => decoder.take(out), code('MURKY_BLOCK_TAKEN'));
    assert.is(decoder.add(1, new Uint8Array(64)), 'decoded');
    assert.is(decoder.addMany(Uint32Array.of(1, 2), new Uint8Array(128)), 'decoded');
    assert.throws(() => decoder.add(-1, new Uint8Array(64)), code('MURKY_BAD_ESI'));
    assert.throws(() => decoder.add(1, new Uint8Array(63)), code('MURKY_BAD_SYMBOL'));
    assert.ok(decoder.decoded);
    assert.is(decoder.missing, 3);
    decoder.close();
    assert.throws(() => decoder.take(), code('MURKY_CLOSED'));
  });
}

test('a taken block outlives its decoder, and belongs to whoever took it', () => {
  const block = randomBytes(100 * 1344, 1);
  const decoder = decoded(block, 1344, 30);
  const before = addon().blockBytesOut();
  const taken = decoder.take();
  assert.ok(addon().blockBytesOut() - before >= block.length, 'its memory was handed over');
  decoder.close();
  collect();
  // Others would get its memory if it were free.
  for (let n = 0; n < 8; n++)
    decoded(randomBytes(block.length, 2 + n), 1344, 30)
      .take()
      .fill(n);
  assert.equal(taken, block);
  assert.is(taken.constructor, Uint8Array);
  taken.fill(7);
  assert.equal(new Set(taken), new Set([7]));
});

test('the memory of a block comes back when its array is collected, and counts until then', async () => {
  await collectAll();
  const blockBytes = 400 * 8896;
  const before = process.memoryUsage().external;
  let taken: Uint8Array | undefined = decoded(randomBytes(blockBytes, 1), 8896, 0).take();
  collect();
  await setImmediate();
  assert.ok(addon().blockBytesOut() >= blockBytes);
  assert.ok(process.memoryUsage().external - before >= blockBytes, 'the collector knows of it');
  assert.is(taken.length, blockBytes);
  taken = undefined;
  assert.is(await collectAll(), 0);
});

test('the memory of a released block comes back without the collector, and nothing shows it any more', async () => {
  await collectAll();
  const block = randomBytes(100 * 1344, 1);
  const decoder = decoded(block, 1344, 30);
  const taken = decoder.take();
  const part = taken.subarray(100);
  decoder.close();
  addon().releaseBlock(taken);
  assert.is(taken.length, 0);
  assert.is(part.length, 0);
  assert.is(addon().blockBytesOut(), 0, 'at once, not with the next turn of the event loop');
  const other = decoded(block, 1344, 30).take();
  for (let turn = 0; turn < 3; turn++) await setImmediate();
  assert.is(Buffer.compare(other, block), 0, 'what is released later leaves the next block in its memory alone');
  addon().releaseBlock(other);
  assert.is(addon().blockBytesOut(), 0);
  const small = decoded(randomBytes(6400, 1), 64, 3).take();
  addon().releaseBlock(small);
  assert.is(small.length, 0, 'a copy goes the same way');
});

test('the memory of released blocks is there again for others', async () => {
  await collectAll();
  const blockBytes = 400 * 8896;
  const symbols = randomBytes(blockBytes, 1);
  const esis = Uint32Array.from({ length: 400 }, (_, esi) => esi);
  const takeAndRelease = async () => {
    const decoder = new Decoder(blockBytes, 8896);
    decoder.addMany(esis, symbols);
    addon().releaseBlock(decoder.take());
    decoder.close();
    await setImmediate();
  };
  await takeAndRelease();
  const before = process.memoryUsage().rss;
  for (let n = 0; n < 50; n++) await takeAndRelease();
  const more = process.memoryUsage().rss - before;
  assert.ok(more < 10 * blockBytes, `${more} bytes more are resident after 50 blocks of ${blockBytes}`);
});

test('a program that never returns to the event loop gets copies beyond a limit', async () => {
  await collectAll();
  const symbolBytes = 8896;
  const block = randomBytes(100 * symbolBytes, 1);
  const symbols = new Encoder(block, symbolBytes).symbols(0, 100);
  const esis = Uint32Array.from({ length: 100 }, (_, esi) => esi);
  const blocks: Uint8Array[] = [];
  for (let bytes = 0; bytes <= MOST_BYTES_OUT; bytes += block.length) {
    const decoder = new Decoder(block.length, symbolBytes);
    decoder.addMany(esis, symbols);
    blocks.push(decoder.take());
    decoder.close();
    assert.ok(addon().blockBytesOut() <= MOST_BYTES_OUT);
  }
  assert.ok(addon().blockBytesOut() > MOST_BYTES_OUT - 2 * block.length, 'up to the limit memory is handed over');
  for (const taken of blocks) assert.is(Buffer.compare(taken, block), 0);
  blocks.length = 0;
  assert.is(await collectAll(), 0);
});

test.run();
