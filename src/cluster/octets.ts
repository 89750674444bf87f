import { MurkyError } from '../errors.js';

/** Reads the big-endian fields of one message; whatever does not fit exactly is MURKY_BAD_MESSAGE. */
export class OctetReader {
  readonly #bytes: Buffer;
  #at = 0;

  /** `what` names the message in the error: "A HELLO". */
  constructor(
    bytes: Uint8Array,
    private readonly what: string,
  ) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  fail(why: string): MurkyError {
    return new MurkyError('MURKY_BAD_MESSAGE', `${this.what} is malformed: ${why}.`);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** The next `length` bytes, not copied. */
  take(length: number): Buffer {
    if (length > this.left) throw this.fail('it is cut short');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  u8(): number {
    return this.take(1).readUInt8();
  }

  u16(): number {
    return this.take(2).readUInt16BE();
  }

  u32(): number {
    return this.take(4).readUInt32BE();
  }

  u64(): bigint {
    return this.take(8).readBigUInt64BE();
  }

  f64(): number {
    return this.take(8).readDoubleBE();
  }

  /** A message has nothing behind its last field. */
  end(): void {
    if (this.left > 0) throw this.fail('bytes are left over');
  }
}

export function u8(value: number): Buffer {
  return Buffer.of(value);
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

export function f64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
}
