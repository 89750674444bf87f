import { type FileHandle, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { MurkyError } from '../errors.js';
import { fileError, syncFile, targetOf } from './output-file.js';

const READ_BYTES = 2 ** 20;

/**
 * A download that outlasts its command: FILE.part, and beside it FILE.part.sha256, which says of what it is the beginning.
 * When the last byte is on the disk it takes the name FILE. Every failure is a MURKY_FILE_UNUSABLE.
 */
export class PartFile {
  private constructor(
    /** As errors call it. */
    private readonly name: string,
    private readonly target: string,
    private readonly file: FileHandle,
    private bytes: number,
    /** SHA-256 of the whole, hexadecimal; undefined if that is not known. */
    private of: string | undefined,
  ) {}

  /** What is left of an earlier download to `name`, or an empty one. */
  static async open(name: string): Promise<PartFile> {
    const { target, there } = await targetOf(name);
    if (there && !there.isFile()) {
      throw new MurkyError(
        'MURKY_FILE_UNUSABLE',
        `"${name}" is not a regular file, so nothing can be continued there.`,
        {
          hint: 'Leave --continue out.',
        },
      );
    }
    const path = `${target}.part`;
    const create = () => open(path, 'wx+', there?.mode ?? 0o666);
    const file = await open(path, 'r+')
      .catch((error) => (error.code === 'ENOENT' ? create() : Promise.reject(error)))
      .catch((error) => Promise.reject(fileError(path, 'write', error)));
    const { size } = await file.stat();
    const text = await readFile(`${path}.sha256`, 'latin1').catch(() => '');
    return new PartFile(name, target, file, size, /^([0-9a-f]{64})\n$/.exec(text)?.[1]);
  }

  /** What it is the beginning of, and how much of it; undefined if nothing is there, or nobody knows of what. */
  get left(): { readonly bytes: number; readonly sha256: string } | undefined {
    return this.of !== undefined && this.bytes > 0 ? { bytes: this.bytes, sha256: this.of } : undefined;
  }

  /** From now on it is of the object with this SHA-256, undefined if nobody knows; what is there of another one goes. */
  async begin(sha256: string | undefined): Promise<void> {
    if (this.of !== undefined && this.of === sha256) return;
    await this.cut(0);
    const beside = `${this.target}.part.sha256`;
    await this.#do(() => (sha256 === undefined ? rm(beside, { force: true }) : writeFile(beside, `${sha256}\n`)));
    this.of = sha256;
  }

  /** `length` bytes from `at`; fewer at its end. */
  async read(at: number, length: number): Promise<Uint8Array> {
    const { buffer, bytesRead } = await this.#do(() => this.file.read(Buffer.alloc(length), 0, length, at));
    return buffer.subarray(0, bytesRead);
  }

  /** The first `bytes`, in pieces. */
  async *beginning(bytes: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes; ) {
      const piece = await this.read(at, Math.min(READ_BYTES, bytes - at));
      if (piece.length === 0) return;
      yield piece;
      at += piece.length;
    }
  }

  /** Keeps the first `bytes` and no more. */
  async cut(bytes: number): Promise<void> {
    if (this.bytes <= bytes) return;
    await this.#do(() => this.file.truncate(bytes));
    this.bytes = bytes;
  }

  /** Writes what follows the first `from` bytes; the file takes its name when all is on the disk and `accept` has not thrown. */
  async finish(from: number, body: AsyncIterable<Uint8Array>, accept: () => void): Promise<void> {
    await this.cut(from);
    let at = from;
    for await (const chunk of body) {
      for (let written = 0; written < chunk.length; ) {
        const rest = chunk.length - written;
        const { bytesWritten } = await this.#do(() => this.file.write(chunk, written, rest, at + written));
        written += bytesWritten;
      }
      at += chunk.length;
      this.bytes = at;
    }
    await syncFile(this.file, this.name);
    accept();
    await this.#do(() => rename(`${this.target}.part`, this.target));
    await rm(`${this.target}.part.sha256`, { force: true });
  }

  /** Without removing anything: what is there is for the next time. */
  async close(): Promise<void> {
    await this.file.close();
  }

  async #do<T>(work: () => Promise<T>): Promise<T> {
    return await work().catch((error) => Promise.reject(fileError(this.name, 'write', error)));
  }
}
