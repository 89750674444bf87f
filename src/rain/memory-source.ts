import { MurkyError } from '../errors.js';
import { resourceId } from '../object/key.js';
import { BLOCK_BYTES, blockLength, type Manifest, sha256 } from '../object/manifest.js';
import { compareVersions, type Version } from '../object/version.js';
import type { BlockSource } from './contract.js';

/**
 * The version of what is added without one. It is the same on every server, so that servers which were given equal
 * bytes agree, and those which were given different bytes are found out.
 */
export const DEFAULT_VERSION: Version = { time: 1n, node: 0n };

export interface AddOptions {
  /** Newer versions win where servers have several. */
  readonly version?: Version;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Objects in memory, one version of each; asks `rest` for what it has not got. */
export class MemorySource implements BlockSource {
  readonly #objects = new Map<bigint, { manifest: Manifest; bytes: Uint8Array }>();

  constructor(private readonly rest?: BlockSource) {}

  /** Takes a copy of the bytes; replaces what the resource had before. */
  add(key: string, bytes: Uint8Array, options: AddOptions = {}): Manifest {
    const copy = Uint8Array.from(bytes);
    const blocks = Math.ceil(copy.length / BLOCK_BYTES);
    const cut = (index: number) => copy.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES);
    const manifest: Manifest = {
      key,
      id: resourceId(key),
      version: options.version ?? DEFAULT_VERSION,
      tombstone: false,
      size: copy.length,
      blockBytes: BLOCK_BYTES,
      blockHashes: Array.from({ length: blocks }, (_, index) => sha256(cut(index))),
      sha256: sha256(copy),
      metadata: { ...options.metadata },
    };
    const taken = this.#objects.get(manifest.id);
    if (taken && taken.manifest.key !== key) {
      throw new MurkyError('MURKY_ID_TAKEN', `Key "${key}" has the same id as "${taken.manifest.key}", which is here.`);
    }
    this.#objects.set(manifest.id, { manifest, bytes: copy });
    return manifest;
  }

  remove(id: bigint): boolean {
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
    if (!found) return this.rest?.block(id, version, index);
    const { manifest, bytes } = found;
    if (index >= manifest.blockHashes.length) return undefined;
    return bytes.subarray(index * BLOCK_BYTES, index * BLOCK_BYTES + blockLength(manifest, index));
  }

  #find(id: bigint, version: Version) {
    const object = this.#objects.get(id);
    return object && compareVersions(object.manifest.version, version) === 0 ? object : undefined;
  }
}
