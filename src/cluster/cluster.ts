import { isMurkyError, MurkyError } from '../errors.js';
import type { Etcd } from '../etcd/contract.js';
import type { HybridClock } from '../object/hybrid-clock.js';
import type { Manifest } from '../object/manifest.js';
import type { Version } from '../object/version.js';
import type { Address, RainNetwork } from '../rain/contract.js';
import { type Clock, sleep } from '../seam/clock.js';
import type { Log } from '../seam/log.js';
import type { Random } from '../seam/random.js';
import type { Store } from '../store/contract.js';
import { Claims } from './claims.js';
import { type Contact, contactText } from './contact.js';
import type { Delivered } from './delivery.js';
import { EtcdMembership } from './etcd/etcd-membership.js';
import { Handover } from './handover.js';
import { Intake } from './intake.js';
import { KeyedLock } from './keyed-lock.js';
import { Lookups } from './lookups.js';
import type { Membership, Resolve } from './membership.js';
import { type Owners, Ownership } from './ownership.js';
import type { Member, PeerState } from './peers.js';
import { placeOn } from './placement.js';
import { type Holders, Polls } from './poll.js';
import { Pulls } from './pulls.js';
import { Drain } from './repair/drain.js';
import { RepairQueue } from './repair/queue.js';
import { RateLimit } from './repair/rate-limit.js';
import type { RepairProgress } from './repair/repair.js';
import { type RepairOptions, type RepairStatus, Upkeep } from './repair/upkeep.js';
import { type Replicated, Replication } from './replication.js';
import type { Settings } from './settings.js';
import { Summaries } from './summaries.js';
import type { Summary } from './summary-message.js';
import { SwimMembership } from './swim/swim-membership.js';
import { EtcdVersionRegister, type VersionRegister } from './version-register.js';

export interface ClusterOptions {
  readonly id: bigint;
  /** Share of objects that this node owns, against the others' weights; 0 owns nothing. */
  readonly weight: number;
  /** Nodes of one zone fail together; at most 32 bytes, may be empty. */
  readonly zone: string;
  /** Owns nothing until it takes the place of a node that is gone. */
  readonly standby: boolean;
  /** How long a node may be away before others take its place. */
  readonly graceSeconds: number;
  readonly etcdPrefix?: string;
  readonly etcdLeaseSeconds?: number;
  readonly replicas: number;
  readonly writeQuorum: number | 'majority';
  readonly writeTimeoutMs: number;
  readonly servers: readonly Contact[];
  /** Where others shall reach this node, if not where its messages come from. */
  readonly advertised?: Contact;
  readonly autoAddPeers: boolean;
  readonly propagateOnStartup: boolean;
  readonly repair: RepairOptions;
  /** Overwritten versions are kept for so long. */
  readonly retentionHours: number;
}

export interface ClusterSeams {
  readonly rain: RainNetwork;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly resolve: Resolve;
  readonly versions: HybridClock;
  /** What this node tells others of how it is. */
  readonly summary?: () => Summary;
  /** The registry, where it is one; its prefix is {@link ClusterOptions.etcdPrefix}. */
  readonly etcd?: Etcd;
  /** In place of one in etcd. */
  readonly register?: VersionRegister;
}

/** A peer as a status shows it. */
export interface PeerView {
  readonly id: string | null;
  readonly host: string;
  readonly port: number;
  /** `host:port` with a numeric host, where it is reached; null while that is not known. */
  readonly address: string | null;
  readonly state: PeerState;
  readonly weight: number | null;
  readonly zone: string | null;
  readonly standby: boolean | null;
  /** Did not answer the last time, and counts as alive until it is sure that it is away. */
  readonly suspect: boolean;
  /** Null while it is alive. */
  readonly awaySeconds: number | null;
  readonly roundTripMs: number | null;
  readonly lastSeenSecondsAgo: number | null;
  readonly hints: number;
}

const SETTLE_STEP_MS = 20;
const PROGRESS_STEP_MS = 1000;
/** Peers that are no owners and are asked nevertheless for what no owner has. */
const MAX_BYSTANDERS = 32;

/** Who the other nodes are, who owns what, and how versions come to their owners. Knows nothing of HTTP and sockets. */
export class Cluster {
  /** Held by whoever chooses a version and commits it. */
  readonly commits = new KeyedLock();
  /** What other nodes have. */
  readonly lookups: Lookups;
  /** What the owners hold. */
  readonly polls: Polls;
  /** Who the other nodes are, and which of them are there. */
  readonly membership: Membership;
  /** Decides between conditional writers at different nodes, where the registry can. */
  readonly claims: Claims;
  /** Empties this node on purpose. */
  readonly drain: Drain;
  readonly #ownership: Ownership;
  readonly #queue: RepairQueue;
  readonly #repairRate: RateLimit;
  readonly #pulls: Pulls;
  readonly #handover: Handover;
  readonly #replication: Replication;
  readonly #upkeep: Upkeep;
  readonly #summaries: Summaries;
  readonly #repairListeners = new Set<(progress: RepairProgress) => void>();

  constructor(
    private readonly options: ClusterOptions,
    private readonly seams: ClusterSeams,
  ) {
    const { store } = seams;
    const { replicas, writeQuorum, graceSeconds } = options;
    const settings: Settings = { replicas, writeQuorum, graceSeconds };
    const { etcd } = seams;
    const prefix = options.etcdPrefix ?? '';
    const memberSeams = { ...seams, facts: store.facts };
    this.membership = etcd
      ? new EtcdMembership(
          { ...options, settings, prefix, leaseSeconds: options.etcdLeaseSeconds ?? 5 },
          { ...memberSeams, etcd },
        )
      : new SwimMembership({ ...options, settings }, memberSeams);
    this.#summaries = new Summaries(seams.rain, () => seams.summary?.() ?? {});
    const members = () => this.membership.members();
    const register = seams.register ?? (seams.etcd && new EtcdVersionRegister(seams.etcd, prefix));
    const addressOf = (node: bigint) => members().find(({ id, state }) => id === node && state === 'alive')?.address;
    this.claims = new Claims(register, options.id, { ...seams, addressOf });
    this.#ownership = new Ownership(options, {
      ...seams,
      self: () => ({ ...options, weight: this.drain.weight }),
      members,
    });
    this.drain = new Drain({
      ...seams,
      facts: store.facts,
      membership: this.membership,
      weight: options.weight,
      onWeight: () => this.#ownership.refresh(),
      keptForOthers: () => this.#upkeep.keptForOthers(),
    });
    this.#queue = new RepairQueue(store.facts);
    this.#pulls = new Pulls({ ...seams, commits: this.commits }, options.retentionHours);
    const owners = (id: bigint) => this.owners(id);
    const onNewer = (_: Member, id: bigint, version: Version) => void this.lookInto(id, version);
    this.#handover = new Handover({ ...seams, queue: this.#queue, owners, onNewer });
    this.#replication = new Replication(options, this.#handover, {
      ...seams,
      owners,
      onNewer,
      pullHere: (manifest, holders, onProgress) => this.#pullHere(manifest, holders, onProgress),
    });
    this.polls = new Polls(options.id, options.writeQuorum, { ...seams, owners });
    this.lookups = new Lookups({
      rain: seams.rain,
      owners,
      poll: (id, patienceMs, signal) => this.polls.ask(id, patienceMs, signal),
      onBehind: (id) => void this.lookInto(id),
      bystanders: (id) => {
        const others = new Set(this.owners(id).others);
        const alive = members().filter((member) => member.state === 'alive' && !others.has(member));
        // Those next in line first: they were owners while there were fewer nodes.
        const ranked = alive.map((member) => ({ id: member.id, weight: member.weight, member }));
        const inLine = placeOn(id, ranked, MAX_BYSTANDERS).map(({ member }) => member);
        return [...inLine, ...alive.filter(({ weight }) => weight === 0)].slice(0, MAX_BYSTANDERS);
      },
    });
    this.#repairRate = new RateLimit(options.repair.bytesPerSecond, seams.clock);
    this.#upkeep = new Upkeep(options, {
      ...seams,
      bytesPerSecond: this.#repairRate,
      queue: this.#queue,
      pulls: this.#pulls,
      handover: this.#handover,
      ownership: this.#ownership,
      members,
      candidates: (id) => this.lookups.candidates(id),
      onProgress: (progress) => {
        for (const listener of this.#repairListeners) listener(progress);
      },
    });
    this.membership.on((event) => {
      this.#ownership.onMembers();
      if (event.kind === 'alive') this.#upkeep.onAlive(event.member, event.first);
      else if (event.kind === 'away') this.#upkeep.onAway();
    });
  }

  /** Begins to answer and to look for peers. */
  async start(): Promise<void> {
    await this.#queue.load();
    await this.drain.load();
    new Intake(this.options.id, this.#pulls, {
      ...this.seams,
      refusing: () => this.drain.status().state !== 'off',
      onLacking: (id, version) => this.lookInto(id, version),
      pace: (bytes, signal) => this.#repairRate.spend(bytes, signal),
    });
    await this.membership.start();
    this.#ownership.start();
    this.#upkeep.start();
    this.drain.start();
  }

  /** Waits until every listed peer has answered, at most `limitMs`: a first write then sees the owners that there are. */
  async settled(limitMs: number): Promise<void> {
    const { clock } = this.seams;
    const end = clock.monotonic() + limitMs;
    const waiting = () => this.membership.peers().some(({ state }) => state === 'unknown' || state === 'away');
    while (clock.monotonic() < end && waiting()) await sleep(clock, SETTLE_STEP_MS);
  }

  async close(): Promise<void> {
    await this.membership.close();
    this.#ownership.close();
    this.drain.close();
    this.claims.close();
    await this.#handover.close();
    await Promise.all([this.#upkeep.close(), this.#pulls.close()]); // repair waits for its pulls
  }

  owners(id: bigint): Owners {
    return this.#ownership.of(id);
  }

  /** Owners that there are and how many of them a write needs; MURKY_NO_QUORUM where there are too few. */
  plan(id: bigint): { count: number; quorum: number } {
    return this.#replication.plan(id);
  }

  /** See {@link Replication.replicate}. */
  replicate(manifest: Manifest, ordered: boolean): Promise<Replicated> {
    return this.#replication.replicate(manifest, ordered);
  }

  /** See {@link Replication.writeBack}. */
  writeBack(manifest: Manifest, holders: Holders): Promise<void> {
    return this.#replication.writeBack(manifest, holders);
  }

  /** Longest that a write waits without any progress. */
  get writeTimeoutMs(): number {
    return this.options.writeTimeoutMs;
  }

  /** Every known peer, in no order. */
  peers(): PeerView[] {
    const now = this.seams.clock.monotonic();
    return this.membership.peers().map((peer) => ({
      id: peer.id === undefined ? null : peer.id.toString(16).padStart(16, '0'),
      host: peer.contact.host,
      port: peer.contact.port,
      address: peer.address === undefined ? null : contactText(peer.address),
      state: peer.state,
      weight: peer.id === undefined ? null : peer.weight,
      zone: peer.id === undefined ? null : peer.zone,
      standby: peer.id === undefined ? null : peer.standby,
      suspect: peer.suspect,
      awaySeconds: peer.awaySinceMs === undefined ? null : (now - peer.awaySinceMs) / 1000,
      roundTripMs: peer.roundTripMs ?? null,
      lastSeenSecondsAgo: peer.lastSeenMs === undefined ? null : (now - peer.lastSeenMs) / 1000,
      hints: peer.id === undefined ? 0 : this.#queue.count(peer.id),
    }));
  }

  /** Calls `listener` at most once a second while objects are repaired; the returned function ends that. */
  onRepair(listener: (progress: RepairProgress) => void): () => void {
    this.#repairListeners.add(listener);
    return () => this.#repairListeners.delete(listener);
  }

  /** What repair is doing, and what is known to lack a copy. */
  repair(): RepairStatus {
    return this.#upkeep.status();
  }

  /** One sentence for each identity that two running nodes claim. */
  identityConflicts(): string[] {
    return this.membership.conflicts();
  }

  /** What the nodes that are alive and answer say of themselves, by id. */
  summaries(): Promise<Map<bigint, Summary>> {
    return this.#summaries.of(this.membership.members());
  }

  /** One sentence for each thing that is wrong between this node and others. */
  warnings(): string[] {
    return this.membership.warnings();
  }

  async #pullHere(manifest: Manifest, holders: readonly Address[], onProgress: () => void): Promise<Delivered> {
    const { id, version } = manifest;
    const ended = new AbortController();
    try {
      const pull = this.#pulls.start({ id, version, manifest }, holders, 'replica');
      for (let steps = 0; ; steps = pull.blocks() + pull.ahead()) {
        if (pull.blocks() + pull.ahead() > steps) onProgress();
        const held = await Promise.race([pull.done, sleep(this.seams.clock, PROGRESS_STEP_MS, ended.signal)]);
        if (held) return held.kind === 'held' ? { kind: 'durable' } : held;
      }
    } catch (error) {
      if (error instanceof MurkyError) return { kind: 'refused', code: error.code, final: true };
      throw error;
    } finally {
      ended.abort();
    }
  }

  /**
   * Has a resource repaired, of which an owner was seen to hold an older version than another node, or none, or damage.
   * Never rejects.
   */
  async lookInto(id: bigint, version?: Version): Promise<void> {
    try {
      await this.#queue.look(id, version);
    } catch (error) {
      if (isMurkyError(error, 'MURKY_CLOSED')) return;
      this.seams.log.warn({ id: String(id), error: String(error) }, 'A repair could not be noted; it is found again.');
    }
  }
}
