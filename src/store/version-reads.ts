import { MurkyError } from '../errors.js';
import type { Manifest } from '../object/manifest.js';
import type { Version } from '../object/version.js';
import type { FilePlace } from '../seam/file-place.js';
import type { Log } from '../seam/log.js';
import type { CachedCopies } from './cached-copies.js';
import type { BlockState, Role, StoredVersion } from './contract.js';
import type { Database } from './database.js';
import { keysInOrder } from './key-directory.js';
import type { Passage } from './paging.js';
import type { ReadLeases } from './read-leases.js';
import type { VerifiedBlocks } from './verified-blocks.js';
import type { VersionIndex } from './version-index.js';
import type { VersionRecord } from './version-record.js';

export interface VersionReadParts {
  readonly database: Database;
  readonly index: VersionIndex;
  readonly verified: VerifiedBlocks;
  readonly cached: CachedCopies;
  readonly cachedLeases: ReadLeases;
  readonly overwrittenLeases: ReadLeases;
  readonly read: Passage;
  /** For what need not be waited for. */
  readonly inBackground: (work: Promise<unknown>) => void;
  readonly log: Log;
}

/** What is read of versions, and noting which are read. Every method is what the store's one of that name promises. */
export class VersionReads {
  constructor(private readonly parts: VersionReadParts) {}

  async current(id: bigint): Promise<Manifest | undefined> {
    const { read, index } = this.parts;
    return await read(() => this.#manifestOf(() => index.current(id)));
  }

  async role(id: bigint): Promise<Role | undefined> {
    const { read, index } = this.parts;
    return await read(async () => (await index.current(id))?.role);
  }

  async manifest(id: bigint, version: Version): Promise<Manifest | undefined> {
    const { read, index } = this.parts;
    return await read(() => this.#manifestOf(() => index.find(id, version)));
  }

  async history(id: bigint): Promise<Manifest[]> {
    const { read, index } = this.parts;
    return await read(() => index.history(id));
  }

  async block(id: bigint, version: Version, at: number): Promise<Uint8Array | undefined> {
    const { read, index, verified } = this.parts;
    return await read(async () => {
      const record = await index.find(id, version);
      if (!record) return undefined;
      this.#noteUse(record);
      return await verified.read(record, at);
    });
  }

  async readInPlace(
    id: bigint,
    version: Version,
    at: number,
    readFrom: (place: FilePlace) => Promise<boolean>,
  ): Promise<boolean> {
    const { read, index, verified } = this.parts;
    return await read(async () => {
      const record = await index.find(id, version);
      if (!record) return false;
      const found = await verified.lend(record, at, (place) => {
        this.#noteUse(record);
        return readFrom(place);
      });
      return found ?? false;
    });
  }

  async check(id: bigint, version: Version, at: number): Promise<BlockState> {
    const { read, verified } = this.parts;
    return await read(() => verified.check(id, version, at));
  }

  async *list(options: { prefix?: string; after?: string; limit?: number }): AsyncGenerator<Manifest> {
    const { prefix = '', after, limit = Number.POSITIVE_INFINITY } = options;
    const { database, index, read } = this.parts;
    let listed = 0;
    if (listed >= limit) return;
    for await (const { key, id } of keysInOrder(database, prefix, after, read)) {
      const manifest = await this.#readable(() => index.current(id));
      if (!manifest || manifest.tombstone || manifest.key !== key) continue;
      yield manifest;
      if (++listed >= limit) return;
    }
  }

  async *all(options: { after?: bigint | undefined }): AsyncGenerator<{ manifest: Manifest; role: Role }> {
    for await (const found of this.versions(options)) {
      let role = found.role;
      const manifest = await this.#readable(async () => {
        const record = await this.parts.index.current(found.id);
        role = record?.role ?? role;
        return record;
      });
      if (manifest) yield { manifest, role };
    }
  }

  async *versions({ after }: { after?: bigint | undefined }): AsyncGenerator<StoredVersion> {
    const { index, read, log } = this.parts;
    for await (const found of index.records('current', read, after)) {
      if (found instanceof Error) log.error({ ...found.facts }, found.message);
      else yield found;
    }
  }

  /** The manifest of the record that `find` finds; looks again if the version was removed in between. */
  async #manifestOf(find: () => Promise<VersionRecord | undefined>): Promise<Manifest | undefined> {
    for (;;) {
      const record = await find();
      if (!record) return undefined;
      const manifest = await this.parts.index.manifest(record);
      if (manifest) return manifest;
    }
  }

  /** For walks over many objects: a damaged one is reported and left out. */
  async #readable(find: () => Promise<VersionRecord | undefined>): Promise<Manifest | undefined> {
    try {
      return await this.parts.read(() => this.#manifestOf(find));
    } catch (error) {
      if (!(error instanceof MurkyError) || error.code !== 'MURKY_BLOCK_CORRUPT') throw error;
      this.parts.log.error({ ...error.facts }, error.message);
      return undefined;
    }
  }

  #noteUse(record: VersionRecord): void {
    const { cached, cachedLeases, overwrittenLeases, database, read, inBackground } = this.parts;
    // A single block is read in one go; only who comes back for the next one needs the version to stay.
    const inSeveralCalls = record.size > record.blockBytes;
    if (!inSeveralCalls || !cachedLeases.held(record.slot)) cached.used(record);
    if (inSeveralCalls) {
      cachedLeases.renew(record.slot);
      overwrittenLeases.renew(record.slot);
    }
    if (cached.stale(record) && !database.failure) inBackground(read(() => cached.touch(record.id)));
  }
}
