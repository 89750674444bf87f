import { contactText } from '../cluster/contact.js';
import type { Peer } from '../cluster/peers.js';
import type { Summary } from '../cluster/summary-message.js';
import type { ClusterNode, ClusterReport } from './contract.js';
import { idText } from './identity.js';
import type { Parts } from './parts.js';
import { packageVersion, type StatusFacts, warningsOf } from './status.js';

/** What this node tells the others of how it is. New facts go behind the others: the last are cut off first. */
export function summaryOf(parts: Parts, facts: Pick<StatusFacts, 'startedAtMs'>): Summary {
  const { replicaBytes, cachedBytes, otherBytes, maxBytes, objects } = parts.store.stats();
  const repair = parts.cluster.repair();
  return {
    version: packageVersion,
    uptimeSeconds: Math.round((parts.clock.monotonic() - facts.startedAtMs) / 1000),
    objects,
    usedBytes: replicaBytes + cachedBytes + otherBytes,
    maxBytes,
    underReplicated: repair.underReplicated,
    repair: repair.state,
    repairQueued: repair.queued,
    repairSecondsLeft: repair.secondsLeft === null ? null : Math.round(repair.secondsLeft),
    warnings: parts.cluster.warnings().length + parts.cluster.identityConflicts().length,
  };
}

/** The whole cluster as this node sees it, each node that answers in its own words. */
export async function clusterReport(parts: Parts, facts: StatusFacts): Promise<ClusterReport> {
  const { cluster, clock } = parts;
  const summaries = await cluster.summaries();
  const now = clock.monotonic();
  const { weight, zone, standby } = facts.config.cluster;
  const self: ClusterNode = {
    id: idText(facts.id),
    name: facts.advertised,
    self: true,
    state: 'alive',
    awaySeconds: null,
    weight,
    zone,
    standby,
    clockSkewSeconds: 0,
    summary: summaryOf(parts, facts),
  };
  const others = cluster.membership.peers().map(
    (peer): ClusterNode => ({
      id: peer.id === undefined ? null : idText(peer.id),
      name: contactText(peer.contact),
      self: false,
      state: stateOf(peer),
      awaySeconds: peer.awaySinceMs === undefined ? null : (now - peer.awaySinceMs) / 1000,
      weight: peer.id === undefined ? null : peer.weight,
      zone: peer.id === undefined ? null : peer.zone,
      standby: peer.id === undefined ? null : peer.standby,
      clockSkewSeconds: peer.clockSkewMs === undefined ? null : peer.clockSkewMs / 1000,
      summary: (peer.id !== undefined && summaries.get(peer.id)) || null,
    }),
  );
  const warnings = [...cluster.identityConflicts(), ...warningsOf(parts, facts)];
  return { nodes: [self, ...others.sort((a, b) => (a.name < b.name ? -1 : 1))], warnings };
}

function stateOf({ state, suspect }: Peer): ClusterNode['state'] {
  return state === 'alive' && suspect ? 'suspect' : state;
}
