import { isMurkyError } from '../../src/errors.js';
import type { Decoder } from './decoders.js';

/**
 * What a decoder makes of bytes. What it takes is encoded back to the same bytes; what it does not take it refuses with
 * MURKY_BAD_MESSAGE. Throws, with the bytes in hex, where it does anything else.
 */
export function judge({ name, again }: Decoder, bytes: Uint8Array): 'taken' | 'refused' {
  try {
    const written = again(bytes);
    if (written && Buffer.compare(bytes, written) !== 0) {
      throw new Error(`it came back as ${Buffer.from(written).toString('hex')}`);
    }
    return 'taken';
  } catch (error) {
    if (isMurkyError(error, 'MURKY_BAD_MESSAGE')) return 'refused';
    throw new Error(`${name}: ${Buffer.from(bytes).toString('hex')}: ${(error as Error).message}`, { cause: error });
  }
}
