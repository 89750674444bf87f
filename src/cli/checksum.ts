import { createHash } from 'node:crypto';

/** Bytes on their way through, counted and hashed. */
export class Checksum {
  readonly #hash = createHash('sha256');
  #sha256: string | undefined;
  bytes = 0;

  add(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.bytes += chunk.length;
  }

  /** The same chunks; `onBytes` hears of each. */
  async *of(body: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      this.add(chunk);
      onBytes(chunk.length);
      yield chunk;
    }
  }

  /** Hexadecimal SHA-256 of all that came through; to be called at the end. */
  sha256(): string {
    this.#sha256 ??= this.#hash.digest('hex');
    return this.#sha256;
  }
}
