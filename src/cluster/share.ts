import type { Manifest } from '../object/manifest.js';
import type { Version } from '../object/version.js';
import type { BlockSource } from '../rain/contract.js';
import type { FilePlace } from '../seam/file-place.js';
import type { Store } from '../store/contract.js';

/**
 * What this node serves to others: replicas always, cached copies where `shareContent` says so. Tombstones are told in
 * any case, so that no one keeps what was deleted.
 */
export class SharedSource implements BlockSource {
  constructor(
    private readonly store: Store,
    private readonly shareContent: boolean,
  ) {}

  async current(id: bigint): Promise<Manifest | undefined> {
    const manifest = await this.store.current(id);
    return manifest && (manifest.tombstone || (await this.#shared(id))) ? manifest : undefined;
  }

  async manifest(id: bigint, version: Version): Promise<Manifest | undefined> {
    return (await this.#shared(id)) ? this.store.manifest(id, version) : undefined;
  }

  async block(id: bigint, version: Version, index: number): Promise<Uint8Array | undefined> {
    return (await this.#shared(id)) ? this.store.block(id, version, index) : undefined;
  }

  async readInPlace(
    id: bigint,
    version: Version,
    index: number,
    readFrom: (place: FilePlace) => Promise<boolean>,
  ): Promise<boolean> {
    return (await this.#shared(id)) && this.store.readInPlace(id, version, index, readFrom);
  }

  async #shared(id: bigint): Promise<boolean> {
    return this.shareContent || (await this.store.role(id)) !== 'cached';
  }
}
