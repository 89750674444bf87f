import type { Cluster } from '../cluster/cluster.js';
import type { HybridClock } from '../object/hybrid-clock.js';
import type { RainNetwork } from '../rain/contract.js';
import type { Clock } from '../seam/clock.js';
import type { Sha256 } from '../seam/digest.js';
import type { Log } from '../seam/log.js';
import type { Store } from '../store/contract.js';

/** What the journeys of a node share. */
export interface Parts {
  readonly store: Store;
  readonly rain: RainNetwork;
  readonly cluster: Cluster;
  readonly versions: HybridClock;
  readonly clock: Clock;
  readonly log: Log;
  /** Beside the JavaScript thread; on it unless there is one. */
  readonly sha256?: Sha256;
  /** Bytes of a source block of what is written here: BLOCK_BYTES, unless a simulation wants small ones. */
  readonly blockBytes?: number;
}
