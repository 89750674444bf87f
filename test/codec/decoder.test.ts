import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Decoder } from '../../src/codec/decoder.js';
import { Encoder } from '../../src/codec/encoder.js';
import { isMurkyError } from '../../src/errors.js';
import { randomBytes } from './random-bytes.js';

const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;
const code = (expected: Parameters<typeof isMurkyError>[1]) => (error: unknown) => isMurkyError(error, expected);

test('any symbols in any order give the exact block or ask for more', () => {
  const shape = fc.record({
    k: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 33, max: 300 })),
    lines: fc.integer({ min: 1, max: 3 }),
    cut: fc.nat({ max: 63 }),
    seed: fc.integer({ min: 1, max: 2 ** 31 }),
    sourceShare: fc.double({ min: 0, max: 1, noNaN: true }),
    surplus: fc.integer({ min: -3, max: 6 }),
  });
  fc.assert(
    fc.property(shape, ({ k, lines, cut, seed, sourceShare, surplus }) => {
      const symbolBytes = lines * 64;
      const block = randomBytes(k * symbolBytes - cut, seed);
      const encoder = new Encoder(block, symbolBytes);
      const decoder = new Decoder(block.length, symbolBytes);
      const random = randomBytes(4 * (2 * k + 16), seed + 1);
      const draw = new DataView(random.buffer);
      const esis = new Set<number>();
      for (let n = 0; n < 2 * k + 16 && esis.size < k + surplus; n++) {
        const word = draw.getUint32(4 * n);
        esis.add((word % 1000) / 1000 < sourceShare ? (word >>> 10) % k : k + ((word >>> 10) % 4000000));
      }
      let decoded = false;
      for (const esi of esis) decoded = decoder.add(esi, encoder.symbol(esi)) === 'decoded';
      assert.is(decoder.decoded, decoded);
      if (decoded) return same(decoder.take(), block);
      assert.throws(() => decoder.take(), code('MURKY_NEED_MORE_SYMBOLS'));
      for (let esi = 5000000; !decoder.decoded; esi++) decoder.add(esi, encoder.symbol(esi));
      return decoder.overhead < 40 && same(decoder.take(), block);
    }),
    { numRuns: 300 },
  );
});

test('small blocks need exactly K symbols', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 32 }), fc.integer({ min: 1, max: 2 ** 31 }), (k, seed) => {
      const block = randomBytes(k * 64, seed);
      const encoder = new Encoder(block, 64);
      const decoder = new Decoder(block.length, 64);
      const random = randomBytes(4096, seed + 1);
      const esis = [...new Set(random)].slice(0, k);
      esis.forEach((esi, n) => {
        assert.is(decoder.add(esi, encoder.symbol(esi)), n === k - 1 ? 'decoded' : 'needed');
      });
      return same(decoder.take(), block);
    }),
    { numRuns: 200 },
  );
});

for (const k of [64, 256, 1024]) {
  test(`the mean overhead is about 1.6 symbols at 0 to 50 % loss and without source symbols, K = ${k}`, () => {
    const block = randomBytes(k * 64, k);
    const encoder = new Encoder(block, 64);
    let first = k;
    for (const loss of [0, 0.01, 0.1, 0.5, 1]) {
      let sum = 0;
      const trials = Math.ceil(25600 / k);
      for (let trial = 0; trial < trials; trial++) {
        const decoder = new Decoder(block.length, 64);
        const random = randomBytes(4 * k, first);
        const draw = new DataView(random.buffer);
        for (let esi = 0; esi < k; esi++) {
          if (draw.getUint32(4 * esi) >= loss * 2 ** 32) decoder.add(esi, encoder.symbol(esi));
        }
        while (!decoder.decoded) decoder.add(first, encoder.symbol(first++));
        assert.ok(same(decoder.take(), block));
        sum += decoder.overhead;
      }
      if (loss === 0) assert.is(sum, 0);
      // The floor, 1.6, and four standard errors: overhead is spread by about 1.7.
      assert.ok(sum / trials <= 1.6 + (4 * 1.7) / Math.sqrt(trials), `${sum / trials} symbols at ${loss * 100} % loss`);
    }
  });
}

for (const k of [8, 100]) {
  test(`what is refused changes nothing, K = ${k}`, () => {
    const block = randomBytes(k * 64, 9);
    const encoder = new Encoder(block, 64);
    const decoder = new Decoder(block.length, 64);
    const symbol = encoder.symbol(k + 5);
    assert.is(decoder.add(k + 5, symbol), 'needed');
    assert.is(decoder.add(k + 5, symbol), 'duplicate');
    const other = symbol.slice();
    other[63]! ^= 1;
    assert.throws(() => decoder.add(k + 5, other), code('MURKY_SYMBOL_CONFLICT'));
    assert.throws(() => decoder.add(0, symbol.subarray(1)), code('MURKY_BAD_SYMBOL'));
    assert.throws(() => decoder.add(0, new Uint8Array(65)), code('MURKY_BAD_SYMBOL'));
    for (const esi of [-1, 0.5, 2 ** 24, Number.NaN]) {
      assert.throws(() => decoder.add(esi, symbol), code('MURKY_BAD_ESI'));
    }
    assert.is(decoder.received, 1);
    assert.is(decoder.missing, k);
    for (let esi = 0; esi < k && !decoder.decoded; esi++) decoder.add(esi, encoder.symbol(esi));
    assert.ok(same(decoder.take(), block));
    assert.is(decoder.add(1, encoder.symbol(1)), 'decoded');
  });
}

test('a symbol that contradicts the others is refused', () => {
  const k = 100;
  const block = randomBytes(k * 64, 3);
  const encoder = new Encoder(block, 64);
  const decoder = new Decoder(block.length, 64);
  // All symbols but two sources: repair symbols settle those, and one unknown stays open for long enough.
  for (let esi = 2; esi < k; esi++) decoder.add(esi, encoder.symbol(esi));
  let conflicts = 0;
  for (let esi = k; !decoder.decoded; esi++) {
    const symbol = encoder.symbol(esi);
    decoder.add(esi, symbol);
    if (decoder.decoded) break;
    const wrong = symbol.slice();
    wrong[0]! ^= 1;
    assert.throws(() => decoder.add(esi, wrong), code('MURKY_SYMBOL_CONFLICT'));
    conflicts++;
  }
  assert.ok(conflicts > 0);
  assert.ok(same(decoder.take(), block));
});

test('many symbols in one call', () => {
  const block = randomBytes(200 * 128 - 1, 4);
  const encoder = new Encoder(block, 128);
  const decoder = new Decoder(block.length, 128);
  assert.is(decoder.addMany(Uint32Array.of(0, 1, 2), encoder.symbols(0, 3)), 'needed');
  assert.is(decoder.addMany(Uint32Array.of(2), encoder.symbol(2)), 'duplicate');
  const two = encoder.symbols(3, 2);
  two[128]! ^= 1;
  decoder.add(4, encoder.symbol(4));
  try {
    decoder.addMany(Uint32Array.of(3, 4), two);
    assert.unreachable();
  } catch (error) {
    assert.ok(isMurkyError(error, 'MURKY_SYMBOL_CONFLICT'));
    assert.equal(error.facts, { esi: 4, taken: 1 });
  }
  assert.throws(() => decoder.addMany(Uint32Array.of(3, 2 ** 24), two), code('MURKY_BAD_ESI'));
  assert.throws(() => decoder.addMany(Uint32Array.of(5), two), code('MURKY_BAD_SYMBOL'));
  const esis = Uint32Array.from({ length: 220 }, (_, n) => 1000 + n);
  assert.is(decoder.addMany(esis, encoder.symbols(1000, 220)), 'decoded');
  assert.ok(same(decoder.take(), block));
});

test('the block goes to the given buffer and nowhere else', () => {
  const block = randomBytes(50 * 64 - 7, 6);
  const encoder = new Encoder(block, 64);
  const decoder = new Decoder(block.length, 64);
  for (let esi = 30; !decoder.decoded; esi++) decoder.add(esi, encoder.symbol(esi));
  const buffer = new Uint8Array(block.length + 9).fill(7);
  const out = buffer.subarray(1, block.length + 4);
  assert.is(decoder.take(out), out);
  assert.ok(same(out.subarray(0, block.length), block));
  assert.equal(new Set(buffer.subarray(block.length + 1)), new Set([7]));
  assert.throws(() => decoder.take(new Uint8Array(block.length - 1)), code('MURKY_BAD_ARGUMENT'));
});

test('sizes that cannot be coded are refused', () => {
  for (const [blockBytes, symbolBytes] of [
    [0, 64],
    [8192 * 64 + 1, 64],
    [1000, 63],
    [1000, 0],
    [1000, 8960],
    [1.5, 64],
  ] as const) {
    assert.throws(() => new Decoder(blockBytes, symbolBytes), code('MURKY_BAD_ARGUMENT'));
    if (Number.isInteger(blockBytes)) {
      assert.throws(() => new Encoder(new Uint8Array(blockBytes), symbolBytes), code('MURKY_BAD_ARGUMENT'));
    }
  }
  assert.throws(() => new Encoder('text' as unknown as Uint8Array), code('MURKY_BAD_ARGUMENT'));
});

test.run();
