import { LRUCache } from 'lru-cache';
import { MurkyError } from '../errors.js';
import { decodeManifest, type Manifest, sha256 } from '../object/manifest.js';
import { VERSION_BYTES, type Version, versionToBytes } from '../object/version.js';
import { ignoreDamage } from './damage.js';
import type { Database } from './database.js';
import { currentKey, kindRange, manifestKey, overwrittenKey } from './index-keys.js';
import { type Passage, paged } from './paging.js';
import { decodeRecord, type VersionRecord } from './version-record.js';

/** A decoded manifest takes about six times its bytes (a view object for each hash); the largest one still fits. */
const CACHE_BYTES = 64 * 2 ** 20;
const DECODED_FACTOR = 6;
const ENTRY_BYTES = 1024;
const PAGE_RECORDS = 256;

/** Reads what the index has of versions. Manifests never change under their slot, so a cached one stays right. */
export class VersionIndex {
  readonly #manifests = new LRUCache<number, Manifest>({ maxSize: CACHE_BYTES });

  constructor(private readonly database: Database) {}

  async current(id: bigint): Promise<VersionRecord | undefined> {
    return await this.#record(currentKey(id));
  }

  async overwritten(id: bigint, version: Version): Promise<VersionRecord | undefined> {
    return await this.#record(overwrittenKey(id, versionToBytes(version)));
  }

  /**
   * A readable version. A commit moves the record from one place to the other in one batch and this looks in the same
   * order, so a version that is readable all the time is never missed.
   */
  async find(id: bigint, version: Version): Promise<VersionRecord | undefined> {
    const current = await this.current(id);
    if (current && current.version.time === version.time && current.version.node === version.node) return current;
    return await this.overwritten(id, version);
  }

  /** The versions that are readable, the newest first and at most so many as a page has; damaged ones left out. */
  async history(id: bigint): Promise<Manifest[]> {
    const records = [await this.current(id).catch(ignoreDamage)];
    const none = overwrittenKey(id, Buffer.alloc(VERSION_BYTES));
    const all = overwrittenKey(id, Buffer.alloc(VERSION_BYTES + 1, 0xff));
    const newestFirst = { gte: none, lt: all, reverse: true, limit: PAGE_RECORDS };
    for (const [key, value] of await this.database.index.entries(newestFirst)) {
      try {
        records.push(decodeRecord(key, value));
      } catch (error) {
        ignoreDamage(error);
      }
    }
    const manifests = records.map((record) => record && this.manifest(record).catch(ignoreDamage));
    return (await Promise.all(manifests)).filter((manifest) => manifest !== undefined);
  }

  /** undefined if the version has been removed since its record was read; MURKY_BLOCK_CORRUPT if it is damaged. */
  async manifest(record: VersionRecord): Promise<Manifest | undefined> {
    const cached = this.#manifests.get(record.slot);
    if (cached) return cached;
    const bytes = await this.database.index.get(manifestKey(record.slot));
    if (!bytes) {
      if ((await this.find(record.id, record.version))?.slot !== record.slot) return undefined;
      throw damaged(record);
    }
    if (!sha256(bytes).equals(record.manifestSha256)) throw damaged(record);
    const manifest = decodeManifest(bytes);
    this.#manifests.set(record.slot, manifest, { size: ENTRY_BYTES + DECODED_FACTOR * bytes.length });
    return manifest;
  }

  /** The version has been removed: its manifest takes no memory any more. */
  forget({ slot }: VersionRecord): void {
    this.#manifests.delete(slot);
  }

  /**
   * Records of current or of overwritten versions, in order of id. In place of a damaged record comes its error, so
   * that one does not hide the others. `after`: only current ones of greater ids.
   */
  async *records(
    kind: 'current' | 'overwritten',
    passage: Passage,
    after?: bigint,
  ): AsyncGenerator<VersionRecord | MurkyError> {
    const range = { ...kindRange(kind), ...(after !== undefined && { gt: currentKey(after) }) };
    for await (const [key, value] of paged(() => this.database.index, range, passage, PAGE_RECORDS)) {
      try {
        yield decodeRecord(key, value);
      } catch (error) {
        if (!(error instanceof MurkyError)) throw error;
        yield error;
      }
    }
  }

  async #record(key: Buffer): Promise<VersionRecord | undefined> {
    const bytes = await this.database.index.get(key);
    return bytes && decodeRecord(key, bytes);
  }
}

function damaged(record: VersionRecord): MurkyError {
  return new MurkyError(
    'MURKY_BLOCK_CORRUPT',
    `The manifest of "${record.key}" is missing or damaged in this node's store.`,
    {
      hint: 'A new version of the object replaces it.',
      facts: { id: String(record.id), key: record.key },
    },
  );
}
