import { MurkyError } from '../errors.js';
import { ADD_RESULTS, addon, type NativeAddResult, type NativeDecoder } from '../native/addon.js';
import { checkBytes, checkEsis, DEFAULT_SYMBOL_BYTES, MAX_ESI, sourceSymbols } from './shape.js';

/**
 * - `needed`: taken, and the block needs more;
 * - `decoded`: the block can be taken; also for every symbol that comes after that;
 * - `duplicate`: this symbol was here before, nothing changed.
 */
export type AddOutcome = 'needed' | 'decoded' | 'duplicate';

export interface DecoderOptions {
  /**
   * Memory to put the block together in, `k * symbolBytes` bytes or more: a program that decodes block after block spares
   * with one buffer what fresh memory costs. Write nothing to it before the block is taken; leave it in this thread and
   * at its size until the decoder is closed.
   */
  into?: Uint8Array;
}

/**
 * Puts a block together from any of its symbols, in any order.
 *
 * A symbol with wrong bytes and a right size cannot be told from a right one, unless it contradicts the others: check
 * the block against a hash where the sender or the path is not to be trusted.
 *
 * A decoder belongs to the thread that made it.
 *
 * ```ts
 * const decoder = new Decoder(blockBytes);
 * for await (const { esi, bytes } of packets) if (decoder.add(esi, bytes) === 'decoded') break;
 * const block = decoder.take();
 * ```
 */
export class Decoder {
  readonly #native: NativeDecoder;
  readonly #into: Uint8Array | undefined;
  #closed = false;
  // Kept here as well: callers ask for it with every batch.
  #decoded = false;
  readonly blockBytes: number;
  readonly symbolBytes: number;
  /** Number of source symbols, and the least number of symbols that decode. */
  readonly k: number;

  /** Both sizes are what the encoder had; they do not travel with the symbols. Throws MURKY_BAD_ARGUMENT. */
  constructor(blockBytes: number, symbolBytes = DEFAULT_SYMBOL_BYTES, { into }: DecoderOptions = {}) {
    this.k = sourceSymbols(blockBytes, symbolBytes);
    if (into !== undefined) {
      checkBytes(into, 'The memory for the block');
      if (into.byteLength < this.k * symbolBytes) {
        throw new MurkyError(
          'MURKY_BAD_ARGUMENT',
          `The memory of ${into.byteLength} bytes does not hold ${this.k} symbols of ${symbolBytes} bytes.`,
        );
      }
    }
    this.#into = into;
    this.blockBytes = blockBytes;
    this.symbolBytes = symbolBytes;
    this.#native = new (addon().Decoder)(blockBytes, symbolBytes, into);
  }

  /** Different symbols taken so far. */
  get received(): number {
    return this.#open.received;
  }

  /** Source symbols that did not come as such; 0 means that no decoding was needed. */
  get missing(): number {
    return this.#open.missing;
  }

  /** Symbols taken beyond `k`. */
  get overhead(): number {
    return Math.max(0, this.received - this.k);
  }

  get decoded(): boolean {
    if (this.#closed) throw closed();
    return this.#decoded;
  }

  /**
   * Takes one symbol; its bytes are copied. A refused symbol changes nothing:
   * MURKY_BAD_ESI for an ESI that does not exist, MURKY_BAD_SYMBOL for a wrong size, MURKY_SYMBOL_CONFLICT if the same
   * ESI was here with other bytes or the bytes contradict the other symbols.
   */
  add(esi: number, bytes: Uint8Array): AddOutcome {
    checkEsis(esi, 1);
    this.#checkSize(bytes, 1);
    return this.#outcome(this.#open.add(esi, bytes), esi);
  }

  /**
   * Takes `esis.length` symbols that lie one behind the other in `bytes`. Stops at the first refused one and throws as
   * `add` does; `facts.taken` of the error says how many came before it.
   */
  addMany(esis: Uint32Array, bytes: Uint8Array): AddOutcome {
    if (!(esis instanceof Uint32Array)) throw new MurkyError('MURKY_BAD_ARGUMENT', 'The ESIs are not a Uint32Array.');
    this.#checkSize(bytes, esis.length);
    const answer = this.#open.addMany(esis, bytes);
    const taken = Math.floor(answer / ADD_RESULTS);
    const result = (answer % ADD_RESULTS) as NativeAddResult;
    // A refused symbol may come behind the one that completed the block.
    if (result > 2) this.#decoded = this.#native.decoded;
    return this.#outcome(result, esis[taken] ?? 0, taken);
  }

  /**
   * The block. Without `out` the decoder hands its memory over, which costs no copy, and once: what is taken after that
   * throws MURKY_BLOCK_TAKEN, and `add` goes on saying "decoded". The array outlives the decoder and may be changed; its
   * memory cannot be transferred to another thread (posting it copies it). It comes back when the array was collected
   * and the event loop has turned: with more than 128 MiB of blocks out in the process, the block is a copy. So is one
   * below 64 KiB, for which a copy is cheaper. A decoder that was given memory answers with the first `blockBytes` bytes
   * of that, once too.
   *
   * With `out` the block is copied to its first `blockBytes` bytes, as often as wanted.
   *
   * Throws MURKY_NEED_MORE_SYMBOLS before the block is decoded, MURKY_BAD_ARGUMENT if `out` is too small.
   */
  take(out?: Uint8Array): Uint8Array {
    if (out !== undefined) {
      checkBytes(out, 'The buffer for the block');
      if (out.byteLength < this.blockBytes) {
        throw new MurkyError(
          'MURKY_BAD_ARGUMENT',
          `The buffer of ${out.byteLength} bytes does not hold the block of ${this.blockBytes} bytes.`,
        );
      }
      this.#checkInto(out);
    }
    const block = this.#open.take(out);
    if (block === undefined) throw this.#nothingToTake();
    return block === this.#into ? block.subarray(0, this.blockBytes) : block;
  }

  /**
   * Frees the memory now: up to four times the block, but for a block that was taken. Without it the garbage collector
   * does, some time after the last use. Everything else then throws MURKY_CLOSED.
   */
  close(): void {
    this.#native.close();
    this.#closed = true;
  }

  get #open(): NativeDecoder {
    if (this.#closed) throw closed();
    return this.#native;
  }

  #nothingToTake(): MurkyError {
    if (this.decoded) {
      return new MurkyError('MURKY_BLOCK_TAKEN', 'The decoder has handed its block over; it has no other.', {
        hint: 'Keep what take() returned, or give take() a buffer to copy to.',
      });
    }
    return new MurkyError(
      'MURKY_NEED_MORE_SYMBOLS',
      `The block is not decoded with ${this.received} symbols; it needs ${this.k} or a few more.`,
      {
        hint: 'Add more symbols until add() returns "decoded".',
        facts: { received: this.received, k: this.k },
      },
    );
  }

  #checkSize(bytes: Uint8Array, count: number): void {
    checkBytes(bytes, 'The symbol');
    if (bytes.byteLength !== count * this.symbolBytes) {
      throw new MurkyError(
        'MURKY_BAD_SYMBOL',
        `${bytes.byteLength} bytes are not ${count} symbol${count === 1 ? '' : 's'} of ${this.symbolBytes} bytes.`,
      );
    }
    this.#checkInto(bytes);
  }

  /** The memory that the decoder was given is there, and `bytes` is no part of it. */
  #checkInto(bytes: Uint8Array): void {
    const into = this.#into;
    if (into === undefined) return;
    if (into.byteLength < this.k * this.symbolBytes) {
      throw new MurkyError('MURKY_BAD_ARGUMENT', "The decoder's memory was transferred or resized.");
    }
    if (
      bytes.buffer === into.buffer &&
      bytes.byteOffset < into.byteOffset + into.byteLength &&
      into.byteOffset < bytes.byteOffset + bytes.byteLength
    ) {
      throw new MurkyError('MURKY_BAD_ARGUMENT', "The bytes are a part of the decoder's memory.");
    }
  }

  #outcome(result: NativeAddResult, esi: number, taken = 0): AddOutcome {
    switch (result) {
      case 0:
        return 'needed';
      case 1:
        this.#decoded = true;
        return 'decoded';
      case 2:
        return 'duplicate';
      case 3:
        throw new MurkyError('MURKY_SYMBOL_CONFLICT', `Symbol ${esi} contradicts the symbols that came before it.`, {
          facts: { esi, taken },
        });
      case 4:
        throw new MurkyError('MURKY_BAD_ESI', `The ESI ${esi} is not a whole number from 0 to ${MAX_ESI}.`, {
          facts: { esi, taken },
        });
    }
  }
}

function closed(): MurkyError {
  return new MurkyError('MURKY_CLOSED', 'The decoder is closed.');
}
