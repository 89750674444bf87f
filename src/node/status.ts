import { createRequire } from 'node:module';
import type { MurkyConfig } from '../config/contract.js';
import { addon } from '../native/addon.js';
import type { PathView } from '../rain/path-history.js';
import type { QuarantineView } from '../rain/quarantine.js';
import type { RunningFetch } from '../rain/report.js';
import type { NodeStatus, PeersReport, ScrubStatus } from './contract.js';
import { idText } from './identity.js';
import type { Parts } from './parts.js';

/** What a status says beside what the parts know. */
export interface StatusFacts {
  readonly id: bigint;
  readonly config: MurkyConfig;
  readonly startedAtMs: number;
  readonly sealed: boolean;
  /** Fingerprints of the cluster keys. */
  keys: readonly string[];
  readonly advertised: string;
  readonly scrub: () => ScrubStatus;
  readonly counters: () => Record<string, number>;
  /** What is wrong where datagrams come in that the key does not open. */
  readonly unopened: () => string | undefined;
  readonly quarantine: () => readonly QuarantineView[];
  readonly paths: () => readonly PathView[];
  readonly fetches: () => readonly RunningFetch[];
}

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
export const packageVersion = version;

export function status(parts: Parts, facts: StatusFacts): NodeStatus {
  const { replicas, writeQuorum, graceSeconds, weight } = facts.config.cluster;
  const memory = process.memoryUsage();
  return {
    name: 'murky-waters',
    version,
    id: idText(facts.id),
    uptimeSeconds: (parts.clock.monotonic() - facts.startedAtMs) / 1000,
    rain: {
      ...parts.rain.address,
      advertised: facts.advertised,
      sealed: facts.sealed,
      keys: facts.keys,
      quarantine: facts.quarantine(),
    },
    cluster: {
      replicas,
      writeQuorum,
      graceSeconds,
      weight,
      peers: parts.cluster.peers(),
      identityConflicts: parts.cluster.identityConflicts(),
      warnings: warningsOf(parts, facts),
    },
    store: parts.store.stats(),
    scrub: facts.scrub(),
    repair: parts.cluster.repair(),
    drain: parts.cluster.drain.status(),
    transport: facts.counters(),
    kernel: addon().kernelName(),
    memory: { residentBytes: memory.rss, heapBytes: memory.heapUsed },
  };
}

/** One sentence for each thing that is wrong between this node and others. */
export function warningsOf(parts: Parts, facts: StatusFacts): string[] {
  const unopened = facts.unopened();
  const { tombstones } = parts.store.stats();
  const { tombstonesWarningCount } = facts.config.versions;
  const many =
    `This node keeps ${tombstones} deletions, which stay for good; versions.tombstones-warning-count is ` +
    `${tombstonesWarningCount}.`;
  return [
    ...parts.cluster.warnings(),
    ...(unopened === undefined ? [] : [unopened]),
    ...(tombstones > tombstonesWarningCount ? [many] : []),
  ];
}

export function peers(parts: Parts, facts: StatusFacts): PeersReport {
  const paths = new Map(facts.paths().map((path) => [path.address, path]));
  const known = parts.cluster.peers().map((peer) => {
    const path = peer.address === null ? undefined : paths.get(peer.address);
    return { ...peer, path: path ?? null };
  });
  for (const { path } of known) if (path) paths.delete(path.address);
  return { peers: known, otherPaths: [...paths.values()] };
}
