import { MAX_PEERS } from '../../../../src/cluster/peers.js';
import { MAX_ENTRIES } from '../../../../src/cluster/repair/queue.js';
import { recordBytes } from '../../../../src/store/block-record.js';
import { BLOCK_BYTES, type Profile } from '../profile.js';
import type { Server } from '../server.js';
import { Violation } from '../violation.js';

/** No node keeps more than it may. */
export class Budgets {
  /** Most bytes of values that were on one disk. */
  peakBytes = 0;

  constructor(
    private readonly servers: readonly Server[],
    private readonly profile: Profile,
  ) {}

  check(): void {
    const { maxBytes } = this.profile;
    for (const server of this.servers) {
      const { bytes } = server;
      this.peakBytes = Math.max(this.peakBytes, bytes);
      if (bytes > maxBytes + recordBytes(BLOCK_BYTES)) {
        throw new Violation('budgets', `Node ${server.n} has ${bytes} bytes on its disk; its budget is ${maxBytes}.`);
      }
      if (!server.running) continue;
      const members = server.running.cluster.membership.members();
      if (members.length > MAX_PEERS) throw new Violation('budgets', `Node ${server.n} knows ${members.length} peers.`);
      const { queued } = server.running.cluster.repair();
      if (queued > MAX_ENTRIES) throw new Violation('budgets', `Node ${server.n} has ${queued} objects to repair.`);
    }
  }
}
