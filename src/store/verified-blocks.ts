import { MurkyError } from '../errors.js';
import { blockLength } from '../object/manifest.js';
import type { Version } from '../object/version.js';
import type { Sha256 } from '../seam/digest.js';
import type { FilePlace } from '../seam/file-place.js';
import type { BlockTable } from './block-table.js';
import type { Budget } from './budget.js';
import type { CachedCopies } from './cached-copies.js';
import type { BlockState } from './contract.js';
import { ignoreDamage } from './damage.js';
import type { KeyedMutex } from './keyed-mutex.js';
import type { VersionIndex } from './version-index.js';
import type { VersionRecord } from './version-record.js';

/** Blocks as the manifest of their version names them: read and verified, or written anew where they are not. */
export class VerifiedBlocks {
  constructor(
    private readonly index: VersionIndex,
    private readonly locks: KeyedMutex<bigint>,
    private readonly blocks: BlockTable,
    private readonly budget: Budget,
    private readonly cached: CachedCopies,
    private readonly sha256: Sha256,
  ) {}

  /** Undefined if there is no such block, or the version has been removed meanwhile; MURKY_BLOCK_CORRUPT. */
  async read(record: VersionRecord, index: number): Promise<Uint8Array | undefined> {
    const manifest = await this.index.manifest(record);
    const hash = manifest?.blockHashes[index];
    if (!manifest || !hash) return undefined;
    const length = blockLength(manifest, index);
    const bytes = await this.blocks.read({ slot: record.slot, index }, length);
    if (!bytes && (await this.index.find(record.id, record.version))?.slot !== record.slot) return undefined;
    if (bytes?.length !== length || !(await this.#is(bytes, hash))) throw blockCorrupt(record, index);
    return bytes;
  }

  /** Runs `work` on where a block lies in a file; undefined, and nothing is run, where it has no such place. */
  async lend<T>(record: VersionRecord, index: number, work: (place: FilePlace) => Promise<T>): Promise<T | undefined> {
    const manifest = await this.index.manifest(record);
    const sha256 = manifest?.blockHashes[index];
    if (!manifest || !sha256) return undefined;
    const name = { slot: record.slot, index };
    return await this.blocks.lend(name, blockLength(manifest, index), (place) => work({ ...place, sha256 }));
  }

  async check(id: bigint, version: Version, index: number): Promise<BlockState> {
    try {
      const record = await this.index.find(id, version);
      return record && (await this.read(record, index)) ? 'sound' : 'gone';
    } catch (error) {
      ignoreDamage(error);
      return 'damaged';
    }
  }

  /** See {@link Store.mend}. */
  async mend(id: bigint, version: Version, index: number, bytes: Uint8Array): Promise<boolean> {
    const record = await this.index.find(id, version);
    const manifest = record && (await this.index.manifest(record));
    const hash = manifest?.blockHashes[index];
    if (!record || !hash || !(await this.#is(bytes, hash))) return false;
    const name = { slot: record.slot, index };
    const onDisk = await this.blocks.planMend(name, bytes.length);
    // Before the lock: making room may evict this very version. Its value is on an account already.
    await this.cached.reserve(0, onDisk);
    // The lock keeps the version from being removed meanwhile, which would leave a block that nobody knows of.
    return await this.locks.run(id, async () => {
      const here = (await this.index.find(id, version))?.slot === record.slot;
      if (here) await this.blocks.mend(name, bytes, onDisk);
      else this.budget.unreserve(onDisk);
      return here;
    });
  }

  async #is(bytes: Uint8Array, hash: Uint8Array): Promise<boolean> {
    return Buffer.compare(await this.sha256(bytes), hash) === 0;
  }
}

function blockCorrupt(record: VersionRecord, index: number): MurkyError {
  const what = `Block ${index} of "${record.key}" is missing or damaged in this node's store.`;
  return new MurkyError('MURKY_BLOCK_CORRUPT', what, {
    hint: 'It is read from other replicas, if there are any; a new version of the object replaces it.',
    facts: { id: String(record.id), key: record.key, block: index },
  });
}
