import { MurkyError } from '../errors.js';
import { addon, type HeldBlock } from '../native/addon.js';
import { resourceId } from '../object/key.js';
import { BLOCK_BYTES, blockCount, encodeManifest, type Manifest, sha256 } from '../object/manifest.js';
import { compareVersions, type Version } from '../object/version.js';
import type { FilePlace } from '../seam/file-place.js';
import type { BlockSource } from './contract.js';

/**
 * The version of what is first added without one. It is the same on every server, so that servers which were given
 * equal bytes agree, and those which were given different bytes are found out.
 */
const DEFAULT_VERSION: Version = { time: 1n, node: 0n };

export interface AddOptions {
  /**
   * Newer versions win where servers have several. By default the one that what is replaced has if nothing changes, the
   * next one if something does, and the same first one on every server.
   */
  readonly version?: Version;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Objects in memory, one version of each; asks `rest` for what it has not got. */
export class MemorySource implements BlockSource {
  readonly #objects = new Map<bigint, { manifest: Manifest; blocks: readonly HeldBlock[] }>();

  constructor(private readonly rest?: BlockSource) {}

  /** Takes a copy of the bytes; replaces what the resource had before. */
  add(key: string, bytes: Uint8Array, options: AddOptions = {}): Manifest {
    const taken = this.#objects.get(resourceId(key))?.manifest;
    if (taken && taken.key !== key) {
      throw new MurkyError('MURKY_ID_TAKEN', `Key "${key}" has the same id as "${taken.key}", which is here.`);
    }
    let manifest = describe(key, bytes, options.version ?? taken?.version ?? DEFAULT_VERSION, options.metadata);
    const encoded = encodeManifest(manifest); // which refuses what no manifest can hold
    if (taken && !options.version && !encoded.equals(encodeManifest(taken))) {
      manifest = { ...manifest, version: { ...taken.version, time: taken.version.time + 1n } };
    }
    this.remove(manifest.id);
    const blocks = cut(bytes).map((block) => addon().holdBlock(block));
    this.#objects.set(manifest.id, { manifest, blocks });
    return manifest;
  }

  remove(id: bigint): boolean {
    for (const block of this.#objects.get(id)?.blocks ?? []) block.drop();
    return this.#objects.delete(id);
  }

  ids(): bigint[] {
    return [...this.#objects.keys()];
  }

  async current(id: bigint): Promise<Manifest | undefined> {
    return this.#objects.get(id)?.manifest ?? this.rest?.current(id);
  }

  async manifest(id: bigint, version: Version): Promise<Manifest | undefined> {
    return this.#find(id, version)?.manifest ?? this.rest?.manifest(id, version);
  }

  async block(id: bigint, version: Version, index: number): Promise<Uint8Array | undefined> {
    const found = this.#find(id, version);
    return found ? found.blocks[index]?.copy() : this.rest?.block(id, version, index);
  }

  async readInPlace(
    id: bigint,
    version: Version,
    index: number,
    readFrom: (place: FilePlace | HeldBlock) => Promise<boolean>,
  ): Promise<boolean> {
    const found = this.#find(id, version);
    const block = found?.blocks[index];
    if (found) return block !== undefined && (await readFrom(block));
    return (await this.rest?.readInPlace?.(id, version, index, readFrom)) ?? false;
  }

  #find(id: bigint, version: Version) {
    const object = this.#objects.get(id);
    return object && compareVersions(object.manifest.version, version) === 0 ? object : undefined;
  }
}

function describe(key: string, bytes: Uint8Array, version: Version, metadata: AddOptions['metadata']): Manifest {
  return {
    key,
    id: resourceId(key),
    version,
    tombstone: false,
    size: bytes.length,
    blockBytes: BLOCK_BYTES,
    blockHashes: cut(bytes).map((block) => sha256(block)),
    sha256: sha256(bytes),
    metadata: { ...metadata },
  };
}

function cut(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: blockCount(bytes.length) }, (_, index) =>
    bytes.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES),
  );
}
