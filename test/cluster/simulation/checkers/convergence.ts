import { resourceId } from '../../../../src/object/key.js';
import { versionToText } from '../../../../src/object/version.js';
import { REPLICAS } from '../profile.js';
import type { Server } from '../server.js';
import { copyOn } from './copies.js';

/**
 * Why the cluster is not at rest yet, in one sentence; undefined when all owners of all keys hold the same. With
 * `repairing` what is being repaired is not looked at.
 */
export function unsettled(servers: readonly Server[], keys: readonly string[], repairing = false): string | undefined {
  const present = servers.filter((server) => !server.gone);
  const down = present.find((server) => !server.running);
  if (down) return `Node ${down.n} has not started.`;
  for (const { n, running } of present) {
    const alive = running!.cluster.membership.members().filter((member) => member.state === 'alive').length;
    if (alive !== present.length - 1) return `Node ${n} sees ${alive} of ${present.length - 1} others.`;
    if (running!.cluster.drain.status().state !== 'off') return `Node ${n} has not left yet.`;
    const { queued, state } = running!.cluster.repair();
    if (queued > 0 && !repairing) return `Node ${n} has ${queued} objects to repair (${state}).`;
    if (running!.rain.fetching > 0 && !repairing) return `Node ${n} is fetching.`;
    if (running!.rain.delivering > 0 && !repairing) return `Node ${n} is delivering.`;
  }
  for (const key of keys) {
    const owners = present.filter(({ running }) => running!.cluster.owners(resourceId(key)).self);
    const expected = Math.min(REPLICAS, present.length);
    if (owners.length !== expected) return `"${key}" has ${owners.length} owners, not ${expected}.`;
    const held = owners
      .map((owner) => copyOn(owner, key))
      .map((copy) => (copy ? versionToText(copy.version) : 'nothing'));
    if (new Set(held).size > 1) {
      return `The owners of "${key}", ${owners.map(({ n }, i) => `${n}: ${held[i]}`).join(', ')}, differ.`;
    }
  }
  return undefined;
}
