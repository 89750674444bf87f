import { blockCount, type Manifest } from '../object/manifest.js';
import { versionToText } from '../object/version.js';
import type { Address } from '../rain/contract.js';
import type { BlockWriter } from '../store/contract.js';
import type { Parts } from './parts.js';

/** Blocks kept in memory behind the newest one, for readers that are close together. */
const RECENT_BLOCKS = 4;

/**
 * One fetch of a whole version for all who read it here, written into the store on the way. It goes on as the foremost
 * reader asks; the others read behind it from memory or from the store. When the last reader leaves it ends, and what is
 * not complete is forgotten. A store that takes no more does not disturb the reading.
 */
export class Download {
  readonly #blocks: AsyncIterator<{ index: number; bytes: Uint8Array }>;
  readonly #count: number;
  readonly #recent = new Map<number, Uint8Array>();
  #writer: BlockWriter | undefined;
  #writing = Promise.resolve();
  #fetched = 0;
  #step: Promise<void> | undefined;
  #readers = 0;
  #ended = false;

  constructor(
    private readonly parts: Parts,
    readonly manifest: Manifest,
    holders: readonly Address[],
    private readonly onEnd: () => void,
  ) {
    this.#count = blockCount(manifest.size, manifest.blockBytes);
    this.#blocks = parts.rain.fetch(manifest, holders)[Symbol.asyncIterator]();
    this.#writer = parts.store.begin();
  }

  /** One more reader; it calls {@link leave} once. */
  join(): void {
    this.#readers += 1;
  }

  async leave(): Promise<void> {
    this.#readers -= 1;
    if (this.#readers === 0) await this.#end();
  }

  /** Block `index`; undefined if it has been fetched and is no longer to be had from here. */
  async block(index: number): Promise<Uint8Array | undefined> {
    while (index >= this.#fetched && !this.#ended) {
      this.#step ??= this.#advance().finally(() => {
        this.#step = undefined;
      });
      await this.#step;
    }
    const recent = this.#recent.get(index);
    if (recent || index >= this.#fetched) return recent;
    const { id, version } = this.manifest;
    try {
      return (await this.#writer?.read(index)) ?? (await this.parts.store.block(id, version, index));
    } catch {
      return undefined; // the reader gets it from another node
    }
  }

  async #advance(): Promise<void> {
    try {
      const next = await this.#blocks.next();
      if (this.#ended) return;
      if (next.done) throw new Error(`A fetch ended at block ${this.#fetched} of ${this.#count}.`);
      const { index, bytes } = next.value;
      this.#recent.set(index, bytes);
      this.#recent.delete(index - RECENT_BLOCKS);
      await this.#write(index, bytes);
      if (index + 1 === this.#count) await this.#commit();
      this.#fetched = index + 1;
    } catch (error) {
      await this.#end();
      throw error;
    }
  }

  /** Hands a block to the store once the one before is written. */
  async #write(index: number, bytes: Uint8Array): Promise<void> {
    await this.#writing;
    const writer = this.#writer;
    if (!writer) return;
    this.#writing = writer.write(index, bytes).catch((error) => this.#giveUpStoring(error));
  }

  async #commit(): Promise<void> {
    await this.#writing;
    const { cluster, versions } = this.parts;
    const { id, version } = this.manifest;
    const writer = this.#writer;
    if (!writer) return;
    this.#writer = undefined; // what is committed is read from the store
    versions.observe(version);
    const role = cluster.owners(id).self ? 'replica' : 'cached';
    try {
      await cluster.commits.run(id, () => writer.commit(this.manifest, role));
    } catch (error) {
      await this.#giveUpStoring(error, writer);
    }
  }

  async #giveUpStoring(error: unknown, writer = this.#writer): Promise<void> {
    this.#writer = undefined;
    const facts = { key: this.manifest.key, error: String(error) };
    this.parts.log.warn(facts, 'An object that is being read could not be kept here; reading goes on.');
    await writer?.abort().catch(() => {});
  }

  async #end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.onEnd();
    const writer = this.#writer;
    this.#writer = undefined;
    this.#recent.clear();
    await this.#blocks.return?.();
    await this.#writing;
    await writer?.abort().catch(() => {});
  }
}

/** The downloads that run, one for each version. */
export class Downloads {
  readonly #running = new Map<string, Download>();

  constructor(private readonly parts: Parts) {}

  /** Joins the running download of a version, or starts one. */
  join(manifest: Manifest, holders: readonly Address[]): Download {
    const name = `${manifest.id}/${versionToText(manifest.version)}`;
    let download = this.#running.get(name);
    if (!download) {
      download = new Download(this.parts, manifest, holders, () => this.#running.delete(name));
      this.#running.set(name, download);
    }
    download.join();
    return download;
  }
}
