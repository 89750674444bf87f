import { hash } from 'node:crypto';
import { MurkyError } from '../errors.js';

export const MAX_KEY_BYTES = 1024;

const MAX_ID = 2n ** 64n - 1n;

/** Throws MURKY_BAD_KEY unless `key` is 1 to 1024 bytes of well-formed UTF-8 without control characters. */
export function checkKey(key: string): void {
  const bytes = Buffer.byteLength(key, 'utf8');
  if (bytes === 0) throw new MurkyError('MURKY_BAD_KEY', 'The key is empty; a key has 1 to 1024 bytes.');
  if (bytes > MAX_KEY_BYTES) {
    throw new MurkyError('MURKY_BAD_KEY', `The key has ${bytes} bytes; at most ${MAX_KEY_BYTES} are allowed.`);
  }
  if (!key.isWellFormed()) {
    throw new MurkyError('MURKY_BAD_KEY', 'The key is not well-formed Unicode: it has half of a surrogate pair.');
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(key)) {
    throw new MurkyError('MURKY_BAD_KEY', 'The key has a control character (below U+0020, or U+007F).');
  }
}

/** The unsigned 64-bit number that `text` writes in plain decimal (no sign, no leading zero), or undefined. */
export function parseId(text: string): bigint | undefined {
  if (!/^(0|[1-9][0-9]{0,19})$/.test(text)) return undefined;
  const id = BigInt(text);
  return id <= MAX_ID ? id : undefined;
}

/**
 * The resource id of a key. A key that is a decimal unsigned 64-bit number is its own id, which keeps the interface of
 * the 2012 original; any other key has the first 8 bytes (big-endian) of the SHA-256 of its UTF-8 bytes.
 */
export function resourceId(key: string): bigint {
  checkKey(key);
  return parseId(key) ?? hash('sha256', key, 'buffer').readBigUInt64BE(0);
}
