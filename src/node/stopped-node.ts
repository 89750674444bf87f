import { readdir } from 'node:fs/promises';
import { MurkyError } from '../errors.js';
import { sha256InPool } from '../native/pool-digest.js';
import { HybridClock } from '../object/hybrid-clock.js';
import { resourceId } from '../object/key.js';
import { BLOCK_BYTES, MAX_OBJECT_BYTES, type Manifest } from '../object/manifest.js';
import { systemClock } from '../seam/clock.js';
import { silentLog } from '../seam/log.js';
import { systemRandom } from '../seam/random.js';
import { currentIfSound } from '../store/damage.js';
import type { ObjectStore } from '../store/object-store.js';
import type { PutOptions } from './contract.js';
import { cutBlocks } from './cut.js';
import { nodeId } from './identity.js';
import { openStore, type StoreConfig } from './open-store.js';
import { checkedMetadata, taken } from './put.js';
import { tooLarge, writeBlocks } from './write-blocks.js';

/**
 * A node that does not run, for objects to be put into its folder. Nobody is asked what the other owners hold: a version
 * is newer than what is here, and newer than theirs if no clock is ahead of this machine's. They get it when the node
 * runs and compares with them.
 */
export class StoppedNode {
  private constructor(
    private readonly store: ObjectStore,
    private readonly versions: HybridClock,
  ) {}

  /**
   * Holds the lock of the folder until `close`; one that is empty, or not there, becomes a node's. MURKY_DATA_DIR_LOCKED
   * if a node runs on it; MURKY_DATA_DIR_UNUSABLE if something else is in it.
   */
  static async open(config: StoreConfig): Promise<StoppedNode> {
    const { dataDir } = config;
    const names = await readdir(dataDir).catch(() => []);
    if (names.length > 0 && !names.some((name) => name === 'index' || name === 'journal')) {
      throw new MurkyError('MURKY_DATA_DIR_UNUSABLE', `There is no node's data in ${dataDir}, but something else.`, {
        hint: 'Name the folder that is data-dir in the configuration, or a new one.',
        facts: { folder: dataDir },
      });
    }
    const store = await openStore(config, { clock: systemClock, log: silentLog });
    try {
      return new StoppedNode(store, new HybridClock(systemClock, await nodeId(store.facts, systemRandom)));
    } catch (error) {
      await store.close().catch(() => {});
      throw error;
    }
  }

  /** Durable when it resolves; what fails before leaves nothing. */
  async put(
    key: string,
    body: AsyncIterable<Uint8Array>,
    { length, metadata, signal }: Pick<PutOptions, 'length' | 'metadata' | 'signal'>,
  ): Promise<Manifest> {
    const id = resourceId(key);
    const kept = checkedMetadata(metadata);
    if ((length ?? 0) > MAX_OBJECT_BYTES) throw tooLarge(key);
    const current = await currentIfSound(this.store, id);
    if (current && current.key !== key) throw taken(key, id, current.key);
    if (current) this.versions.observe(current.version);
    const writer = this.store.begin();
    try {
      const blocks = cutBlocks(body, BLOCK_BYTES, signal);
      const written = await writeBlocks(key, blocks, writer, { length, sha256: sha256InPool });
      const draft = { key, id, tombstone: false, blockBytes: BLOCK_BYTES, metadata: kept, ...written };
      const manifest = { ...draft, version: this.versions.next() };
      await writer.commit(manifest, 'replica');
      return manifest;
    } finally {
      await writer.abort(); // nothing after a commit
    }
  }

  close(): Promise<void> {
    return this.store.close();
  }
}
