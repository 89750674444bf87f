import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Decoder } from '../../src/codec/decoder.js';
import { Encoder } from '../../src/codec/encoder.js';
import { isMurkyError } from '../../src/errors.js';
import { addon } from '../../src/native/addon.js';
import { randomBytes } from './random-bytes.js';

const code = (expected: Parameters<typeof isMurkyError>[1]) => (error: unknown) => isMurkyError(error, expected);
/** The addon's own errors have the code and no class. */
const nativeCode = (error: unknown) => (error as { code?: string }).code === 'MURKY_BAD_ARGUMENT';

/** Gives `decoder` source symbols from `lost` on and repair symbols until it has the block. */
function feed(decoder: Decoder, block: Uint8Array, lost: number): void {
  const encoder = new Encoder(block, decoder.symbolBytes);
  for (let esi = lost; !decoder.decoded; esi++) decoder.add(esi, encoder.symbol(esi));
  encoder.close();
}

for (const [k, lost] of [
  [20, 4],
  [100, 0],
  [100, 5],
  [100, 60],
  [100, 100],
] as const) {
  test(`the block lies where the caller wants it, K = ${k} with ${lost} lost`, () => {
    const symbolBytes = 192;
    const block = randomBytes(k * symbolBytes - 7, k + lost);
    const room = new Uint8Array(k * symbolBytes + 100).fill(0xaa);
    const into = room.subarray(33, 33 + k * symbolBytes);
    const decoder = new Decoder(block.length, symbolBytes, { into });
    feed(decoder, block, lost);
    const copy = new Uint8Array(block.length);
    assert.equal(decoder.take(copy), block);
    const taken = decoder.take();
    assert.is(taken.buffer, room.buffer, 'no copy');
    assert.is(taken.byteOffset, 33);
    assert.equal(taken, block);
    assert.ok(
      room.subarray(0, 33).every((byte) => byte === 0xaa) &&
        room.subarray(33 + k * symbolBytes).every((byte) => byte === 0xaa),
      'nothing is written beside it',
    );
    assert.throws(() => decoder.take(), code('MURKY_BLOCK_TAKEN'));
    decoder.close();
    taken.fill(1);
  });
}

test('one buffer serves block after block', () => {
  const into = new Uint8Array(50 * 64);
  for (let n = 0; n < 5; n++) {
    const block = randomBytes(50 * 64, n);
    const decoder = new Decoder(block.length, 64, { into });
    feed(decoder, block, 10);
    assert.equal(decoder.take(), block);
    decoder.close();
  }
});

test('memory that is too small is refused', () => {
  assert.throws(
    () => new Decoder(100 * 64 - 5, 64, { into: new Uint8Array(100 * 64 - 5) }),
    code('MURKY_BAD_ARGUMENT'),
  );
  assert.throws(() => new Decoder(6400, 64, { into: [] as never }), code('MURKY_BAD_ARGUMENT'));
  assert.throws(() => new (addon().Decoder)(6400, 64, new Uint8Array(6399)), nativeCode);
});

test('memory that was transferred since is never written', () => {
  const block = randomBytes(6400, 1);
  const symbol = new Encoder(block, 64).symbol(3);
  const into = new Uint8Array(6400);
  const decoder = new Decoder(block.length, 64, { into });
  decoder.add(0, symbol);
  const moved = structuredClone(into, { transfer: [into.buffer] });
  assert.throws(() => decoder.add(3, symbol), code('MURKY_BAD_ARGUMENT'));
  assert.throws(() => decoder.addMany(Uint32Array.of(3), symbol), code('MURKY_BAD_ARGUMENT'));
  assert.equal(moved.subarray(3 * 64, 4 * 64), new Uint8Array(64));
  decoder.close();
});

test('the addon itself looks for its memory, too', () => {
  const into = new Uint8Array(6400);
  const decoder = new (addon().Decoder)(6400, 64, into);
  assert.throws(() => decoder.add(0, into.subarray(0, 64)), nativeCode);
  structuredClone(into, { transfer: [into.buffer] });
  assert.throws(() => decoder.add(0, new Uint8Array(64)), nativeCode);
  assert.throws(() => decoder.addMany(Uint32Array.of(0), new Uint8Array(64)), nativeCode);
  assert.throws(() => decoder.take(), nativeCode);
});

test('symbols that lie in the memory of the block are refused', () => {
  const into = new Uint8Array(6400);
  const decoder = new Decoder(6400, 64, { into });
  assert.throws(() => decoder.add(0, into.subarray(64, 128)), code('MURKY_BAD_ARGUMENT'));
  assert.is(decoder.received, 0);
});

test('a refused symbol behind the last one that was needed leaves the block decoded', () => {
  const block = randomBytes(6400, 1);
  const decoder = new Decoder(block.length, 64);
  const symbols = new Uint8Array(6400 + 64);
  symbols.set(block);
  const esis = Uint32Array.from({ length: 101 }, (_, esi) => (esi < 100 ? esi : 2 ** 24));
  assert.throws(() => decoder.addMany(esis, symbols), code('MURKY_BAD_ESI'));
  assert.ok(decoder.decoded);
  assert.equal(decoder.take(), block);
});

test.run();
