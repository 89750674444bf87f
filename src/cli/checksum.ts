import { createHash } from 'node:crypto';

/** Bytes on their way through, counted and hashed. */
export class Checksum {
  readonly #hash = createHash('sha256');
  bytes = 0;

  /** The same chunks; `onBytes` hears of each. */
  async *of(body: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      this.#hash.update(chunk);
      this.bytes += chunk.length;
      onBytes(chunk.length);
      yield chunk;
    }
  }

  /** Hexadecimal SHA-256 of all that came through; to be called once, at the end. */
  sha256(): string {
    return this.#hash.digest('hex');
  }
}
