import { ResumedBlocks } from '../cluster/resumed-blocks.js';
import { blockCount, type Manifest } from '../object/manifest.js';
import { versionToText } from '../object/version.js';
import type { Address } from '../rain/contract.js';
import type { ResumableWriter } from '../store/contract.js';
import type { Parts } from './parts.js';

/** Blocks kept in memory behind the newest one, for readers that are close together. */
const RECENT_BLOCKS = 4;
/** Where the store cannot tell what it has. */
const NOTHING_KEPT = { has: () => false, read: async () => undefined };

/**
 * One fetch of a whole version for all who read it here, written into the store on the way. It goes on as the foremost
 * reader asks; the others read behind it from memory or from the store. When the last reader leaves, or no server is left,
 * it ends, and the next download of the same version goes on with the blocks that came. A store that takes no more does
 * not disturb the reading.
 */
export class Download {
  readonly #count: number;
  readonly #recent = new Map<number, Uint8Array>();
  readonly #opening: Promise<ResumedBlocks>;
  #writer: ResumableWriter | undefined;
  #writing = Promise.resolve();
  #fetched = 0;
  #step: Promise<void> | undefined;
  #readers = 0;
  #ended = false;

  constructor(
    private readonly parts: Parts,
    readonly manifest: Manifest,
    private readonly holders: readonly Address[],
    /** Told when it begins to end, and when it has. */
    private readonly onEnd: (ended: Promise<void>) => void,
    /** The end of an earlier download of the same version. */
    before: Promise<void>,
  ) {
    this.#count = blockCount(manifest.size, manifest.blockBytes);
    this.#opening = before.then(() => this.#open());
    this.#opening.catch(() => {}); // whoever reads sees it
  }

  /** One more reader; it calls {@link leave} once. */
  join(): void {
    this.#readers += 1;
  }

  async leave(): Promise<void> {
    this.#readers -= 1;
    if (this.#readers === 0) await this.#end();
  }

  async #open(): Promise<ResumedBlocks> {
    const { parts, manifest, holders } = this;
    this.#writer = await parts.store.resume(manifest).catch((error) => this.#giveUpStoring(error));
    return new ResumedBlocks(manifest, this.#writer ?? NOTHING_KEPT, (range) =>
      parts.rain.fetch(manifest, holders, range),
    );
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
      const blocks = await this.#opening;
      const next = await blocks.next();
      if (this.#ended || !next) return;
      const { index, bytes, kept } = next;
      this.#recent.set(index, bytes);
      this.#recent.delete(index - RECENT_BLOCKS);
      if (!kept) await this.#write(index, bytes);
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

  async #giveUpStoring(error: unknown, writer = this.#writer): Promise<undefined> {
    this.#writer = undefined;
    const facts = { key: this.manifest.key, error: String(error) };
    this.parts.log.warn(facts, 'An object that is being read could not be kept here; reading goes on.');
    await writer?.abort().catch(() => {});
  }

  async #end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const ended = this.#leaveBlocks();
    this.onEnd(ended);
    await ended;
  }

  /** For the next download. */
  async #leaveBlocks(): Promise<void> {
    this.#recent.clear();
    const blocks = await this.#opening.catch(() => undefined);
    await blocks?.close();
    await this.#writing;
    const writer = this.#writer;
    this.#writer = undefined;
    await writer?.suspend().catch(() => {});
  }
}

/** The downloads that run, one for each version. */
export class Downloads {
  readonly #running = new Map<string, Download>();
  /** Downloads that end now. */
  readonly #ending = new Map<string, Promise<void>>();

  constructor(private readonly parts: Parts) {}

  /** Joins the running download of a version, or starts one. */
  join(manifest: Manifest, holders: readonly Address[]): Download {
    const name = `${manifest.id}/${versionToText(manifest.version)}`;
    let download = this.#running.get(name);
    if (!download) {
      const before = this.#ending.get(name) ?? Promise.resolve();
      download = new Download(this.parts, manifest, holders, (ended) => this.#end(name, ended), before);
      this.#running.set(name, download);
    }
    download.join();
    return download;
  }

  #end(name: string, ended: Promise<void>): void {
    this.#running.delete(name);
    this.#ending.set(name, ended);
    void ended.then(() => {
      if (this.#ending.get(name) === ended) this.#ending.delete(name);
    });
  }
}
