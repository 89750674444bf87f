import type { RepairProgress } from '../cluster/repair/repair.js';
import type { ErrorCode } from '../errors.js';
import type { Manifest } from '../object/manifest.js';
import type { Version } from '../object/version.js';
import type { PathView } from '../rain/path-history.js';
import type { QuarantineView } from '../rain/quarantine.js';
import type { RunningFetch } from '../rain/report.js';
import type { StoreStats } from '../store/contract.js';
import type { Condition } from './condition.js';

export type { RepairProgress };

/** What the gateway and the command line know of a node. MurkyNode is the one implementation. */
export interface ObjectNode {
  /** 16 hexadecimal digits; kept in the data folder. */
  readonly id: string;
  /**
   * Stores a value under a key. Resolves when `quorum` owners hold it durably. MURKY_NO_QUORUM if they do not in time:
   * the value is then durable on fewer nodes, and still on its way to the others.
   */
  put(key: string, body: Uint8Array | AsyncIterable<Uint8Array>, options?: PutOptions): Promise<WriteResult>;
  /** The newest version that this node knows of or finds; MURKY_NOT_FOUND if there is none or it was deleted. */
  head(key: string, options?: ReadOptions): Promise<Manifest>;
  /** Like head, with the bytes. The body is read lazily; leaving the loop ends whatever fetch runs for it. */
  get(key: string, options?: GetOptions): Promise<GetResult>;
  /** The versions of an object that this node itself holds, deletions too, the newest first; empty if none. */
  versions(key: string): Promise<readonly Manifest[]>;
  /** Writes a tombstone; MURKY_NOT_FOUND if there is nothing to delete. */
  delete(key: string, options?: DeleteOptions): Promise<WriteResult>;
  /** What this node itself holds, in key order. */
  list(options?: { prefix?: string; after?: string; limit?: number }): AsyncIterable<Manifest>;
  status(): Promise<NodeStatus>;
  /** Who the other nodes are, and what fetches have shown of the paths to them. */
  peers(): Promise<PeersReport>;
  /** Every node of the cluster: its state as seen from here, and what it says of itself when it is asked now. */
  cluster(): Promise<ClusterReport>;
  /**
   * Gives everything that this node holds to other nodes, and leaves the cluster when they have it; goes on in the
   * background, also after a restart. MURKY_NO_QUORUM where there is no other node.
   */
  drain(): Promise<DrainStatus>;
  /** Ends a drain: the node owns its share again. MURKY_HAS_LEFT if it has left the cluster already. */
  cancelDrain(): Promise<DrainStatus>;
  /** The fetches from other nodes that run now. */
  fetches(): Promise<readonly RunningFetch[]>;
  close(): Promise<void>;
}

export interface PutOptions extends Condition {
  /** `content-type` and whatever else is to come back with the object. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Bytes that the body will have, where known: a wrong length fails instead of storing a cut object. */
  readonly length?: number;
}

/** A version: 32 hexadecimal digits, as `versions` and every answer name it. */
export type VersionText = string;

export interface DeleteOptions extends Condition {
  readonly signal?: AbortSignal;
}

export interface ReadOptions {
  readonly signal?: AbortSignal;
  /**
   * 'local', the default: this node's replica, or the newest version that it knows of or finds. 'quorum': the newest one
   * that a majority of the owners knows of, never older than an acknowledged write or an earlier quorum read;
   * MURKY_NO_QUORUM where no majority answers.
   */
  readonly consistency?: Consistency;
  /** This very version, out of this node's store; MURKY_NOT_FOUND if it is not, or no longer, here, or a deletion. */
  readonly version?: VersionText;
}

export type Consistency = 'local' | 'quorum';

export interface GetOptions extends ReadOptions {
  /** First byte wanted and the one behind the last; the whole value by default. Clamped to the value's size. */
  readonly start?: number;
  readonly end?: number;
  /**
   * Called with the manifest before any byte is fetched, so that a caller can choose a range by the size. Its answer
   * replaces `start` and `end`; 'none' means that no bytes are wanted.
   */
  readonly choose?: (manifest: Manifest) => { start: number; end: number } | 'none';
}

export interface GetResult {
  readonly manifest: Manifest;
  readonly body: AsyncIterable<Uint8Array>;
  /** Where the bytes come from. */
  readonly source: 'local' | 'cluster';
}

export interface WriteResult {
  readonly manifest: Manifest;
  /** Owners that hold the version durably, as far as known when the call resolved. */
  readonly durable: number;
  /** Owners that there are. */
  readonly owners: number;
  readonly quorum: number;
  /**
   * The write is greater than every one that was acknowledged before it began. False only with a write quorum below a
   * majority, where too few owners answered to be sure of it.
   */
  readonly ordered: boolean;
  /** A version written at the same time that is newer: it is what readers get, and this one counts as overwritten. */
  readonly overtaken?: Version;
  /** True if the write took the place of a live object that this node knew of. */
  readonly replaced?: boolean;
}

export interface PeerStatus {
  readonly id: string | null;
  readonly host: string;
  readonly port: number;
  /** `host:port` with a numeric host, where it is reached; null while that is not known. */
  readonly address: string | null;
  readonly state: 'unknown' | 'alive' | 'away' | 'left';
  /** Did not answer the last time, and counts as alive until it is sure that it is away. */
  readonly suspect: boolean;
  readonly weight: number | null;
  readonly zone: string | null;
  readonly standby: boolean | null;
  /** How long it has not been alive; null while it is. */
  readonly awaySeconds: number | null;
  readonly roundTripMs: number | null;
  readonly lastSeenSecondsAgo: number | null;
  /** Writes that wait for this peer to come back. */
  readonly hints: number;
}

export interface PeersReport {
  readonly peers: readonly (PeerStatus & {
    /** Null: nothing was fetched from there yet. */
    readonly path: PathView | null;
  })[];
  /** Paths to addresses that are no peer's, or no longer. */
  readonly otherPaths: readonly PathView[];
}

export interface ClusterReport {
  /** This one first, then by name. */
  readonly nodes: readonly ClusterNode[];
  /** As under `cluster` in the status. */
  readonly warnings: readonly string[];
}

export interface ClusterNode {
  /** Null: nobody has answered there yet. */
  readonly id: string | null;
  /** `host:port`. */
  readonly name: string;
  readonly self: boolean;
  readonly state: 'unknown' | 'alive' | 'suspect' | 'away' | 'left';
  /** How long it has not been alive; null while it is. */
  readonly awaySeconds: number | null;
  readonly weight: number | null;
  readonly zone: string | null;
  readonly standby: boolean | null;
  /** How far its clock is ahead of this node's. */
  readonly clockSkewSeconds: number | null;
  /** What it says of itself; null: it did not answer. */
  readonly summary: NodeSummary | null;
}

/** Facts by name; a node of another version may say more or less. */
export interface NodeSummary {
  readonly version?: string;
  readonly uptimeSeconds?: number;
  readonly objects?: number;
  readonly usedBytes?: number;
  readonly maxBytes?: number;
  /** Objects that have fewer live copies than they should, as far as this node has to report them. */
  readonly underReplicated?: number;
  readonly repair?: string;
  readonly repairQueued?: number;
  readonly repairSecondsLeft?: number | null;
  readonly warnings?: number;
  readonly [fact: string]: string | number | boolean | null | undefined;
}

export interface ScrubStatus {
  /** 'off' by configuration; 'resting' between two passes over the store. */
  readonly state: 'off' | 'reading' | 'resting';
  /** Share of this pass that is done, 0 to 1. */
  readonly progress: number;
  /** Since the node started, as all counts here. */
  readonly passes: number;
  readonly checkedBlocks: number;
  readonly checkedBytes: number;
  readonly damagedBlocks: number;
  readonly mendedBlocks: number;
}

export interface RepairStatus extends RepairProgress {
  /** This node looks through what it holds, or compares it with another node's. */
  readonly comparing: boolean;
  /** Null before the first comparison since the node started. */
  readonly comparedSecondsAgo: number | null;
  /** Objects that have fewer live copies than they should, as far as this node has to report them. */
  readonly underReplicated: number;
}

export interface DrainStatus {
  /** 'draining': owns nothing new and gives away what it holds; 'drained': has left the cluster and can be stopped. */
  readonly state: 'off' | 'draining' | 'drained';
  /** Objects that not all of their owners have yet; null while the node looks through what it holds. */
  readonly objectsLeft: number | null;
  /** Why it does not get on, and what to do, as when no other node can note that this one leaves; tried again by itself. */
  readonly heldUp: { readonly code: ErrorCode; readonly detail: string; readonly hint: string | null } | null;
}

export interface NodeStatus {
  readonly name: 'murky-waters';
  readonly version: string;
  readonly id: string;
  readonly uptimeSeconds: number;
  readonly rain: {
    host: string;
    port: number;
    advertised: string;
    sealed: boolean;
    /** Fingerprints of the cluster keys; the first seals, all open. */
    keys: readonly string[];
    /** Servers that sent wrong bytes and are left out of fetches, or were not long ago. */
    quarantine: readonly QuarantineView[];
  };
  readonly cluster: {
    replicas: number;
    writeQuorum: number | 'majority';
    graceSeconds: number;
    weight: number;
    peers: PeerStatus[];
    /** One sentence for each node id that two running nodes claim, as after a data folder was copied. */
    identityConflicts: string[];
    /** One sentence for each thing that is wrong between this node and others, such as clocks that differ. */
    warnings: string[];
  };
  readonly store: StoreStats;
  readonly scrub: ScrubStatus;
  readonly repair: RepairStatus;
  readonly drain: DrainStatus;
  readonly transport: Record<string, number>;
  readonly kernel: string;
  readonly memory: { residentBytes: number; heapBytes: number };
}
