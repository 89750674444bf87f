import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isMurkyError } from '../../src/errors.js';
import { checkKey, parseId, resourceId } from '../../src/object/key.js';

const PHOTO_SHA256 = 'aff6100bd4df0ea66736e1d3304208069a0f24303e21b43422398c935540a236';

const bad = (key: string) =>
  assert.throws(
    () => checkKey(key),
    (error: unknown) => isMurkyError(error, 'MURKY_BAD_KEY'),
    JSON.stringify(key),
  );

test('keys: 1 to 1024 bytes of well-formed UTF-8 without control characters', () => {
  for (const key of ['', '\n', 'a\u0000b', '\u007f', '\ud800', 'a\udc00', 'x'.repeat(1025), 'é'.repeat(513)]) bad(key);
  for (const key of [' ', 'a', 'é'.repeat(512), 'x'.repeat(1024), '\u{1f30a}', '../..', '\u0080']) checkKey(key);
});

test('a decimal number below 2^64 is its own id', () => {
  const known: [string, bigint | undefined][] = [
    ['0', 0n],
    ['7', 7n],
    ['18446744073709551615', 18446744073709551615n],
    ['18446744073709551616', undefined],
    ['99999999999999999999', undefined],
    ['01', undefined],
    ['+1', undefined],
    ['-1', undefined],
    ['1.0', undefined],
    ['1e3', undefined],
    ['0x10', undefined],
    [' 1', undefined],
    ['1\n', undefined],
    ['', undefined],
    ['١', undefined],
  ];
  for (const [text, id] of known) assert.is(parseId(text), id, JSON.stringify(text));
});

test('any unsigned 64-bit number round-trips through its text', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (id) => {
      assert.is(parseId(String(id)), id);
      assert.is(resourceId(String(id)), id);
    }),
  );
});

test('any other key has the first 8 bytes of its SHA-256', () => {
  // sha256("photo.jpg"), by sha256sum
  assert.is(resourceId('photo.jpg'), BigInt(`0x${PHOTO_SHA256.slice(0, 16)}`));
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }), (key) => {
      fc.pre(/[^0-9\p{Cc}]/u.test(key) && !/\p{Cc}/u.test(key));
      const digest = createHash('sha256').update(Buffer.from(key)).digest('hex');
      assert.is(resourceId(key), BigInt(`0x${digest.slice(0, 16)}`));
    }),
  );
});

test('a bad key has no id', () => {
  assert.throws(
    () => resourceId(''),
    (error: unknown) => isMurkyError(error, 'MURKY_BAD_KEY'),
  );
});

test.run();
