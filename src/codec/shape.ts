import { MurkyError } from '../errors.js';

/** The largest number of source symbols in a block. */
export const MAX_SOURCE_SYMBOLS = 8192;
/** The largest encoding symbol id: 24 bits on the wire. */
export const MAX_ESI = 2 ** 24 - 1;
/** Symbol sizes are multiples of this, in bytes. */
export const SYMBOL_ALIGNMENT_BYTES = 64;
export const MAX_SYMBOL_BYTES = 8896;
/** Fits one UDP datagram on a 1500-byte path, header and seal included. */
export const DEFAULT_SYMBOL_BYTES = 1344;

/** K for a block; throws MURKY_BAD_ARGUMENT where such a block cannot be coded. */
export function sourceSymbols(blockBytes: number, symbolBytes: number): number {
  if (
    !Number.isInteger(symbolBytes) ||
    symbolBytes < SYMBOL_ALIGNMENT_BYTES ||
    symbolBytes > MAX_SYMBOL_BYTES ||
    symbolBytes % SYMBOL_ALIGNMENT_BYTES !== 0
  ) {
    throw new MurkyError(
      'MURKY_BAD_ARGUMENT',
      `The symbol size ${symbolBytes} is not a multiple of ${SYMBOL_ALIGNMENT_BYTES} from ${SYMBOL_ALIGNMENT_BYTES} to ${MAX_SYMBOL_BYTES} bytes.`,
    );
  }
  const largest = MAX_SOURCE_SYMBOLS * symbolBytes;
  if (!Number.isInteger(blockBytes) || blockBytes < 1 || blockBytes > largest) {
    throw new MurkyError(
      'MURKY_BAD_ARGUMENT',
      `A block of ${blockBytes} bytes cannot be coded; with symbols of ${symbolBytes} bytes it has from 1 to ${largest} bytes.`,
    );
  }
  return Math.ceil(blockBytes / symbolBytes);
}

/** Throws MURKY_BAD_ESI unless `count` symbols from ESI `from` exist. */
export function checkEsis(from: number, count: number): void {
  if (!Number.isInteger(from) || from < 0 || from > MAX_ESI) {
    throw new MurkyError('MURKY_BAD_ESI', `The ESI ${from} is not a whole number from 0 to ${MAX_ESI}.`);
  }
  if (!Number.isInteger(count) || count < 0 || from + count > MAX_ESI + 1) {
    throw new MurkyError(
      'MURKY_BAD_ESI',
      `There are no ${count} symbols from ESI ${from} on; the last ESI is ${MAX_ESI}.`,
    );
  }
}

export function checkBytes(value: unknown, what: string): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array)) throw new MurkyError('MURKY_BAD_ARGUMENT', `${what} is not a Uint8Array.`);
}
