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
    const from = this.#pass(length);
    return this.#bytes.subarray(from, from + length);
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#pass(1));
  }

  u16(): number {
    return this.#bytes.readUInt16BE(this.#pass(2));
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#pass(4));
  }

  u64(): bigint {
    return this.#bytes.readBigUInt64BE(this.#pass(8));
  }

  f64(): number {
    return this.#bytes.readDoubleBE(this.#pass(8));
  }

  /** A message has nothing behind its last field. */
  end(): void {
    if (this.left > 0) throw this.fail('bytes are left over');
  }

  /** Where the next `length` bytes begin. */
  #pass(length: number): number {
    const from = this.#at;
    if (length > this.#bytes.length - from) throw this.fail('it is cut short');
    this.#at += length;
    return from;
  }
}

/** Writes big-endian fields one behind the other, into at most `capacity` bytes: a RangeError beyond. */
export class OctetWriter {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#at;
  }

  u8(value: number): this {
    this.#at = this.#bytes.writeUInt8(value, this.#at);
    return this;
  }

  u16(value: number): this {
    this.#at = this.#bytes.writeUInt16BE(value, this.#at);
    return this;
  }

  u32(value: number): this {
    this.#at = this.#bytes.writeUInt32BE(value, this.#at);
    return this;
  }

  u64(value: bigint): this {
    this.#at = this.#bytes.writeBigUInt64BE(value, this.#at);
    return this;
  }

  f64(value: number): this {
    this.#at = this.#bytes.writeDoubleBE(value, this.#at);
    return this;
  }

  /** Length in bytes (1), UTF-8. */
  text(value: string): this {
    const length = Buffer.byteLength(value);
    this.u8(length);
    if (length > this.#bytes.length - this.#at) throw new RangeError('A text does not fit.');
    this.#at += this.#bytes.write(value, this.#at);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  /** What was written, not copied; the writer is not to be used after that. */
  end(): Buffer {
    return this.#bytes.subarray(0, this.#at);
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
