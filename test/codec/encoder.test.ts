import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Decoder } from '../../src/codec/decoder.js';
import { Encoder } from '../../src/codec/encoder.js';
import { isMurkyError } from '../../src/errors.js';
import { randomBytes } from './random-bytes.js';

test('source symbols are the block, padded with zeros', () => {
  const block = randomBytes(1000, 1);
  const encoder = new Encoder(block, 128);
  assert.is(encoder.k, 8);
  const padded = new Uint8Array(1024);
  padded.set(block);
  assert.equal(encoder.symbols(0, 8), padded);
  block.fill(0);
  assert.equal(encoder.symbols(0, 8), padded, 'the encoder has a copy');
});

test('the first repair symbol of a small block is the sum of its symbols', () => {
  const block = randomBytes(3 * 64, 2);
  const parity = block.slice(0, 64).map((byte, i) => byte ^ block[64 + i]! ^ block[128 + i]!);
  assert.equal(new Encoder(block, 64).symbol(3), parity);
});

test('symbols go to the given buffer and nowhere else', () => {
  const encoder = new Encoder(randomBytes(64 * 50, 3), 64);
  const buffer = new Uint8Array(64 * 4 + 3).fill(7);
  const out = buffer.subarray(1, 64 * 3 + 2);
  assert.is(encoder.symbols(49, 3, out), out);
  assert.equal(buffer.slice(1, 1 + 64 * 3), encoder.symbols(49, 3));
  assert.equal(new Set(buffer.subarray(64 * 3 + 1)), new Set([7]));
  assert.is(buffer[0], 7);
  assert.throws(
    () => encoder.symbols(0, 4, out),
    (error: unknown) => isMurkyError(error, 'MURKY_BAD_ARGUMENT'),
  );
  assert.throws(
    () => encoder.symbols(2 ** 24 - 1, 2),
    (error: unknown) => isMurkyError(error, 'MURKY_BAD_ESI'),
  );
});

test('repair symbols come one after the other until the reader stops', async () => {
  const block = randomBytes(64 * 100, 4);
  const encoder = new Encoder(block, 64);
  const decoder = new Decoder(block.length, 64);
  let next = encoder.k;
  for await (const { esi, bytes } of encoder.repair()) {
    assert.is(esi, next++);
    if (decoder.add(esi, bytes) === 'decoded') break;
  }
  assert.equal(decoder.take(), block);
  const last: number[] = [];
  for await (const { esi } of encoder.repair(2 ** 24 - 2)) last.push(esi);
  assert.equal(last, [2 ** 24 - 2, 2 ** 24 - 1]);
});

test.run();
