import { EventEmitter } from 'node:events';
import { Cluster } from '../cluster/cluster.js';
import { parseContact } from '../cluster/contact.js';
import { SharedSource } from '../cluster/share.js';
import type { MurkyConfig } from '../config/contract.js';
import { readServersList } from '../config/servers-list.js';
import { sha256InPool } from '../native/pool-digest.js';
import { HybridClock } from '../object/hybrid-clock.js';
import { resourceId } from '../object/key.js';
import type { Manifest } from '../object/manifest.js';
import { parseAddress } from '../rain/address.js';
import type { Address } from '../rain/contract.js';
import { RainEndpoint } from '../rain/endpoint.js';
import { PathHistory } from '../rain/path-history.js';
import type { RunningFetch } from '../rain/report.js';
import { type Clock, systemClock } from '../seam/clock.js';
import { type Log, silentLog } from '../seam/log.js';
import { type Random, systemRandom } from '../seam/random.js';
import { keyFingerprint, readClusterKeys } from './cluster-key.js';
import { checkClusterMarks, keepClusterMarks } from './cluster-mark.js';
import { clusterReport, summaryOf } from './cluster-report.js';
import type {
  ClusterReport,
  DeleteOptions,
  DrainStatus,
  GetOptions,
  GetResult,
  NodeStatus,
  ObjectNode,
  PeersReport,
  PutOptions,
  ReadOptions,
  WriteResult,
} from './contract.js';
import { remove } from './delete.js';
import { discover } from './discovery.js';
import { Downloads } from './download.js';
import { configuredEtcd } from './etcd.js';
import type { NodeEvents } from './events.js';
import { get } from './get.js';
import { idText, nodeId } from './identity.js';
import { openStore } from './open-store.js';
import type { Parts } from './parts.js';
import { put } from './put.js';
import { findFor } from './quorum-read.js';
import { resolver } from './resolve.js';
import { Running } from './running.js';
import { Scrub } from './scrub.js';
import { peers, type StatusFacts, status } from './status.js';
import { Unopened } from './unopened.js';

export interface NodeSeams {
  readonly log?: Log;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** How long a start waits for the listed servers to answer, so that the first write sees its owners. */
const SETTLE_MS = 1000;
/** How long close() waits for running operations before it cuts them off. */
const DRAIN_MS = 5000;

/** A whole node: store, transport and cluster under one roof. See {@link ObjectNode}. */
export class MurkyNode implements ObjectNode {
  readonly id: string;
  readonly #running = new Running();
  readonly #downloads: Downloads;
  #closing: Promise<void> | undefined;

  /**
   * Opens the data folder, binds the UDP port and looks for the other nodes. What it throws is a MurkyError
   * (MURKY_BAD_CLUSTER_KEY, MURKY_INSECURE_REFUSED, MURKY_DATA_DIR_LOCKED, MURKY_ADDRESS_IN_USE, ...), and then nothing
   * stays open.
   */
  static async start(config: MurkyConfig, seams: NodeSeams = {}): Promise<MurkyNode> {
    const { log = silentLog, clock = systemClock, random = systemRandom } = seams;
    const { cluster: shape, behaviour, pouringRain: rainConfig } = config;
    const servers = readServersList(config.serversList, { optional: true });
    const advertised = rainConfig.advertise === null ? undefined : parseContact(rainConfig.advertise);
    const keys = shape.keyFile === null ? undefined : readClusterKeys(shape.keyFile, log);
    const etcd = configuredEtcd(shape);
    const events = new EventEmitter<NodeEvents>();
    const opened: (() => Promise<void>)[] = [];
    try {
      const store = await openStore(config, { clock, log });
      opened.push(() => store.close());
      if (keys) await checkClusterMarks(store.facts, keys, config.dataDir);
      const id = await nodeId(store.facts, random);
      const history = new PathHistory(clock, log, store.facts);
      opened.push(() => history.close());
      await history.load();
      const rain = await RainEndpoint.open({
        host: rainConfig.host,
        port: rainConfig.port,
        ...(keys && { key: keys }),
        insecure: shape.insecure,
        dropFraction: rainConfig.dropFraction,
        maxRateBitsPerSecond: rainConfig.maxRateBitsPerSecond,
        maxRatePerPeerBitsPerSecond: rainConfig.maxRatePerPeerBitsPerSecond,
        ...rainLimits(rainConfig),
        onOffence: (offence) => void events.emit('quarantine', offence),
        history,
        log,
        clock,
        random,
      });
      opened.push(() => rain.close());
      const versions = new HybridClock(clock, id);
      const startedAtMs = clock.monotonic();
      let parts: Parts | undefined;
      const { retentionHours } = config.versions;
      const cluster = new Cluster(
        {
          ...shape,
          ...behaviour,
          repair: config.repair,
          retentionHours,
          id,
          servers,
          ...(advertised && { advertised }),
        },
        {
          rain,
          store,
          clock,
          random,
          log,
          versions,
          resolve: resolver((address) => rain.resolve(address)),
          summary: () => (parts ? summaryOf(parts, { startedAtMs }) : {}),
          ...(etcd && { etcd }),
        },
      );
      opened.push(() => cluster.close());
      cluster.onRepair((progress) => void events.emit('repair', progress));
      rain.serve(new SharedSource(store, behaviour.shareContent));
      await cluster.start();
      if (shape.mdns && etcd === undefined) {
        const onFound = (contact: Address) => cluster.membership.addContact(contact);
        const mdns = discover(idText(id), rain.address, keys, { clock, log, onFound });
        opened.push(() => mdns.close());
      }
      await cluster.settled(SETTLE_MS);
      parts = { sha256: sha256InPool, store, rain, cluster, versions, clock, log };
      const scrub = new Scrub(parts, config.scrub.bytesPerSecond);
      opened.push(() => scrub.close());
      await scrub.start();
      const unopened = new Unopened(clock, log, () => rain.counters(), rain.sealed);
      opened.push(async () => unopened.close());
      unopened.start();
      const facts: StatusFacts = {
        id,
        config,
        startedAtMs,
        sealed: rain.sealed,
        keys: (keys ?? []).map(keyFingerprint),
        advertised: rainConfig.advertise ?? hostAndPort(rain.address),
        scrub: () => scrub.status(),
        counters: () => rain.counters(),
        unopened: () => unopened.warning(),
        quarantine: () => rain.quarantined(),
        paths: () => history.view(),
        fetches: () => rain.fetches(),
      };
      return new MurkyNode(parts, facts, rain, events, opened);
    } catch (error) {
      await closeAll(opened).catch(() => {}); // why it did not start is what is told
      throw error;
    }
  }

  private constructor(
    private readonly parts: Parts,
    private readonly facts: StatusFacts,
    private readonly sealing: Pick<RainEndpoint, 'replaceKeys'>,
    /** What a program may want to hear of at once; see {@link NodeEvents}. */
    readonly events: EventEmitter<NodeEvents>,
    private readonly opened: readonly (() => Promise<void>)[],
  ) {
    this.id = idText(facts.id);
    this.#downloads = new Downloads(parts);
  }

  put(key: string, body: Uint8Array | AsyncIterable<Uint8Array>, options: PutOptions = {}): Promise<WriteResult> {
    return this.#running.run(options.signal, (signal) => put(this.parts, key, body, { ...options, signal }));
  }

  async head(key: string, options: ReadOptions = {}): Promise<Manifest> {
    return this.#running.run(
      options.signal,
      async (signal) => (await findFor(this.parts, key, { ...options, signal })).manifest,
    );
  }

  get(key: string, options: GetOptions = {}): Promise<GetResult> {
    return this.#running.run(options.signal, (signal) => get(this.parts, this.#downloads, key, { ...options, signal }));
  }

  async versions(key: string): Promise<readonly Manifest[]> {
    const all = await this.parts.store.history(resourceId(key));
    return all.filter((manifest) => manifest.key === key);
  }

  delete(key: string, options: DeleteOptions = {}): Promise<WriteResult> {
    return this.#running.run(options.signal, (signal) => remove(this.parts, key, { ...options, signal }));
  }

  list(options?: { prefix?: string; after?: string; limit?: number }): AsyncIterable<Manifest> {
    return this.parts.store.list(options);
  }

  /**
   * Reads the cluster key file again: its first key seals from now on, all of them open, and what runs goes on. Does
   * nothing without a key file. MURKY_BAD_CLUSTER_KEY says what is wrong with the file; then the keys stay as they were.
   */
  async reloadClusterKeys(): Promise<void> {
    const { keyFile } = this.facts.config.cluster;
    if (keyFile === null) return;
    const keys = readClusterKeys(keyFile, this.parts.log);
    await keepClusterMarks(this.parts.store.facts, keys);
    this.sealing.replaceKeys(keys);
    const [seals, ...opens] = keys.map(keyFingerprint);
    this.facts.keys = keys.map(keyFingerprint);
    this.parts.log.info({ file: keyFile, seals, opens }, 'The cluster keys are read again.');
  }

  async status(): Promise<NodeStatus> {
    return status(this.parts, this.facts);
  }

  async peers(): Promise<PeersReport> {
    return peers(this.parts, this.facts);
  }

  async cluster(): Promise<ClusterReport> {
    return clusterReport(this.parts, this.facts);
  }

  drain(): Promise<DrainStatus> {
    return this.parts.cluster.drain.begin();
  }

  cancelDrain(): Promise<DrainStatus> {
    return this.parts.cluster.drain.cancel();
  }

  async fetches(): Promise<readonly RunningFetch[]> {
    return this.facts.fetches();
  }

  /** Lets running operations end, for some seconds at most, then closes all parts. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#running.close(this.parts.clock, DRAIN_MS).then(() => closeAll(this.opened));
    return this.#closing;
  }
}

/** The limits of the transport that a configuration sets. */
function rainLimits(rain: MurkyConfig['pouringRain']) {
  const { maxSubscriptions, maxSubscriptionsPerPeer, maxInboundRequests, maxInboundRequestsPerPeer } = rain;
  const { threads, maxFetches, maxStrangersPerSecond, blockCacheBytes, fetchWindowBytes, quarantineMs } = rain;
  const { multicastGroup, multicastInterface, multicastTtl, multicastMaxRateBitsPerSecond } = rain;
  return {
    maxSubscriptions,
    maxSubscriptionsPerPeer,
    maxInboundRequests,
    maxInboundRequestsPerPeer,
    threads,
    maxFetches,
    maxStrangersPerSecond,
    blockCacheBytes,
    fetchWindowBytes,
    quarantineMs,
    ...(multicastGroup !== null && { multicastGroup: parseAddress(multicastGroup) }),
    ...(multicastInterface !== null && { multicastInterface }),
    multicastTtl,
    multicastMaxRateBitsPerSecond,
  };
}

/** Closes in reverse order of opening, also what follows one that fails to close. */
async function closeAll(opened: readonly (() => Promise<void>)[]): Promise<void> {
  const ended = [];
  for (const close of [...opened].reverse()) ended.push(...(await Promise.allSettled([close()])));
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
}

function hostAndPort({ host, port }: { host: string; port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
