import type { MurkyConfig } from '../config/contract.js';
import { fastCrc32 } from '../native/fast-crc32.js';
import { fileWrites } from '../native/file-writes.js';
import { sha256InPool } from '../native/pool-digest.js';
import { punchHoles } from '../native/punch-holes.js';
import type { Clock } from '../seam/clock.js';
import type { Log } from '../seam/log.js';
import { levelDiskWith } from '../store/disk.js';
import { nodeFilesWith } from '../store/node-files.js';
import { ObjectStore } from '../store/object-store.js';

const HOUR_MS = 3_600_000;

export type StoreConfig = Pick<MurkyConfig, 'dataDir' | 'cache' | 'reclaim' | 'versions'>;

/** The store of a node in its data folder. See ObjectStore.open for what it throws. */
export function openStore(config: StoreConfig, { clock, log }: { clock: Clock; log: Log }): Promise<ObjectStore> {
  return ObjectStore.open({
    folder: config.dataDir,
    maxBytes: config.cache.maxBytes,
    wholeFolder: true,
    sha256: sha256InPool,
    crc32: fastCrc32,
    disk: levelDiskWith(nodeFilesWith(punchHoles, fileWrites)),
    reclaimTimeFraction: config.reclaim.maxTimeFraction,
    retentionMs: config.versions.retentionHours * HOUR_MS,
    clock,
    log,
  });
}
