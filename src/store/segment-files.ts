import { join } from 'node:path';
import type { Files, StoreFile } from './files.js';

/** Bounds the file descriptors, as far as that many reads are not under way at once. */
const MAX_OPEN_FILES = 128;
const NAME = /^(\d{8,10})\.log$/;

interface Opened {
  readonly file: Promise<StoreFile>;
  users: number;
  onIdle: (() => void) | undefined;
}

/** The segment files of one folder, by number. Keeps the ones used lately open. */
export class SegmentFiles {
  /** Least recently used first. */
  readonly #opened = new Map<number, Opened>();

  constructor(
    private readonly files: Files,
    readonly folder: string,
  ) {}

  path(segment: number): string {
    return join(this.folder, `${String(segment).padStart(8, '0')}.log`);
  }

  /** Numbers of the segments here, ascending. Creates the folder if need be. */
  async list(): Promise<number[]> {
    await this.files.makeFolder(this.folder);
    const numbers = (await this.files.list(this.folder)).flatMap((name) => {
      const digits = NAME.exec(name)?.[1];
      return digits ? [Number(digits)] : [];
    });
    return numbers.sort((a, b) => a - b);
  }

  /** An empty segment, there after a power cut too. */
  async create(segment: number): Promise<void> {
    const file = await this.files.open(this.path(segment), 'new');
    await file.close();
    await this.files.syncDirectory(this.folder);
  }

  /** Runs `work` on the open file; nobody closes or removes it meanwhile. */
  async use<T>(segment: number, work: (file: StoreFile) => Promise<T>): Promise<T> {
    const opened = this.#opened.get(segment) ?? {
      file: this.files.open(this.path(segment), 'existing'),
      users: 0,
      onIdle: undefined,
    };
    this.#opened.delete(segment);
    this.#opened.set(segment, opened);
    opened.users++;
    try {
      return await work(await opened.file);
    } finally {
      opened.users--;
      if (opened.users === 0) {
        opened.onIdle?.();
        const failed = await opened.file.then(
          () => false,
          () => true,
        );
        if (failed && this.#opened.get(segment) === opened) this.#opened.delete(segment);
        await this.#closeIdle();
      }
    }
  }

  /** Removes a segment once its last reader has ended. */
  async remove(segment: number): Promise<void> {
    await this.#close(segment);
    await this.files.unlink(this.path(segment)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    // A reader that came in between holds a file that has no name any more.
    await this.#close(segment);
  }

  async closeAll(): Promise<void> {
    for (const segment of [...this.#opened.keys()]) await this.#close(segment);
  }

  async #closeIdle(): Promise<void> {
    for (const [segment, opened] of this.#opened) {
      if (this.#opened.size <= MAX_OPEN_FILES) return;
      if (opened.users === 0) await this.#close(segment);
    }
  }

  async #close(segment: number): Promise<void> {
    const opened = this.#opened.get(segment);
    if (!opened) return;
    this.#opened.delete(segment);
    if (opened.users > 0) {
      await new Promise<void>((resolve) => {
        opened.onIdle = resolve;
      });
    }
    const file = await opened.file.catch(() => undefined);
    await file?.close();
  }
}
