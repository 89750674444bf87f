import { setImmediate } from 'node:timers/promises';
import { MurkyError } from '../errors.js';
import { addon, type NativeEncoder } from '../native/addon.js';
import { checkBytes, checkEsis, DEFAULT_SYMBOL_BYTES, MAX_ESI, sourceSymbols } from './shape.js';

/** One symbol as it travels: its encoding symbol id (RFC 5052, section 2) and its bytes. */
export interface EncodedSymbol {
  esi: number;
  bytes: Uint8Array;
}

/** Symbols made in one crossing to C++ by `repair`. */
const BATCH_SYMBOLS = 64;

/**
 * Makes the symbols of one block: the `k` source symbols, which are the block itself, and as many repair symbols as
 * anyone asks for. Any `k` symbols and, now and then, one or two more give the block back to a `Decoder`.
 *
 * The block is coded at once: the caller may change it afterwards. An encoder belongs to the thread that made it.
 *
 * ```ts
 * const encoder = new Encoder(block);
 * socket.send(encoder.symbol(encoder.k)); // the first repair symbol
 * ```
 */
export class Encoder {
  readonly #native: NativeEncoder;
  #closed = false;
  /** Number of source symbols: ESIs below are pieces of the block, the last one padded with zeros. */
  readonly k: number;
  readonly symbolBytes: number;

  /**
   * @param block 1 byte to 8192 symbols.
   * @param symbolBytes a multiple of 64 up to 8896. Throws MURKY_BAD_ARGUMENT otherwise.
   */
  constructor(block: Uint8Array, symbolBytes = DEFAULT_SYMBOL_BYTES) {
    checkBytes(block, 'The block');
    this.k = sourceSymbols(block.byteLength, symbolBytes);
    this.symbolBytes = symbolBytes;
    this.#native = new (addon().Encoder)(block, symbolBytes);
  }

  /** The bytes of one symbol. Throws MURKY_BAD_ESI. */
  symbol(esi: number): Uint8Array {
    return this.symbols(esi, 1);
  }

  /**
   * The symbols `from` to `from + count - 1`, one behind the other; written to `out` if it is given, and only the
   * first `count * symbolBytes` bytes of it. Throws MURKY_BAD_ESI, or MURKY_BAD_ARGUMENT if `out` is too small.
   */
  symbols(from: number, count: number, out?: Uint8Array): Uint8Array {
    if (this.#closed) throw new MurkyError('MURKY_CLOSED', 'The encoder is closed.');
    checkEsis(from, count);
    const bytes = count * this.symbolBytes;
    if (out === undefined) {
      out = new Uint8Array(bytes);
    } else {
      checkBytes(out, 'The buffer for symbols');
      if (out.byteLength < bytes) {
        throw new MurkyError(
          'MURKY_BAD_ARGUMENT',
          `The buffer of ${out.byteLength} bytes does not hold ${count} symbols, which take ${bytes}.`,
        );
      }
    }
    this.#native.symbols(from, count, out);
    return out;
  }

  /**
   * Frees the memory now: up to three times the block. Without it the garbage collector does, some time after the last
   * use. Everything else then throws MURKY_CLOSED.
   */
  close(): void {
    this.#native.close();
    this.#closed = true;
  }

  /**
   * Repair symbols from ESI `from` on (the first one if it is not given), until the reader stops or the last ESI is
   * reached. Lets other work of the event loop run between batches.
   */
  async *repair(from = this.k): AsyncGenerator<EncodedSymbol, void, undefined> {
    checkEsis(from, 0);
    for (let first = Math.max(from, this.k); first <= MAX_ESI; first += BATCH_SYMBOLS) {
      const count = Math.min(BATCH_SYMBOLS, MAX_ESI + 1 - first);
      const batch = this.symbols(first, count);
      for (let i = 0; i < count; i++) {
        yield { esi: first + i, bytes: batch.subarray(i * this.symbolBytes, (i + 1) * this.symbolBytes) };
      }
      await setImmediate();
    }
  }
}
