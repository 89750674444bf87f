import { Cluster, type ClusterOptions } from '../../src/cluster/cluster.js';
import type { Resolve } from '../../src/cluster/membership.js';
import { SharedSource } from '../../src/cluster/share.js';
import type { VersionRegister } from '../../src/cluster/version-register.js';
import type { DeleteOptions, GetOptions, PutOptions, ReadOptions, WriteResult } from '../../src/node/contract.js';
import { remove } from '../../src/node/delete.js';
import { Downloads } from '../../src/node/download.js';

import { get } from '../../src/node/get.js';
import { nodeId } from '../../src/node/identity.js';
import type { Parts } from '../../src/node/parts.js';
import { put } from '../../src/node/put.js';
import { findFor } from '../../src/node/quorum-read.js';
import { HybridClock } from '../../src/object/hybrid-clock.js';
import type { Manifest } from '../../src/object/manifest.js';
import type { Address } from '../../src/rain/contract.js';
import type { Log } from '../../src/seam/log.js';
import type { Machine } from './machine.js';
import type { MemoryEtcd } from './memory-etcd.js';
import { MemoryDisk, MemoryStore } from './memory-store.js';
import { SimulatedNetwork, type SimulatedRain } from './simulated-network.js';
import { seededRandom, VirtualTime } from './virtual-clock.js';

export interface NodeOptions extends Partial<ClusterOptions> {
  readonly key?: string;
  readonly skewMs?: number;
  readonly shareContent?: boolean;
  readonly disk?: MemoryDisk;
  /** Its clock, and what it sees of the network; a steady clock of its own by default. */
  readonly machine?: Machine;
  readonly register?: VersionRegister;
  /** The registry, in place of SWIM. */
  readonly etcd?: MemoryEtcd;
  readonly resolve?: Resolve;
}

/** Nodes 1, 2, ... at 10.0.0.N:1980 on one simulated network, in virtual time, from one seed. */
export class World {
  readonly time = new VirtualTime();
  readonly random;
  readonly net: SimulatedNetwork;
  readonly nodes = new Map<number, SimulatedNode>();
  readonly #disks = new Map<number, MemoryDisk>();

  constructor(seed = 1) {
    this.random = seededRandom(seed);
    this.net = new SimulatedNetwork(this.time, this.random);
  }

  /** Starts node `n`, on the disk that it had before if it ran before. */
  start(n: number, listed: readonly number[], options: NodeOptions = {}): Promise<SimulatedNode> {
    return this.time.until(this.boot(n, listed, options));
  }

  /** Like {@link start}, while time passes by itself. */
  async boot(n: number, listed: readonly number[], options: NodeOptions = {}): Promise<SimulatedNode> {
    const disk = options.disk ?? this.#disks.get(n) ?? new MemoryDisk();
    this.#disks.set(n, disk);
    const node = new SimulatedNode(this, n, disk, options);
    this.nodes.set(n, node);
    await node.open(listed.map(addressOf));
    return node;
  }

  /** Starts `count` nodes that list each other, and lets them find each other. */
  async startAll(count: number, options: NodeOptions = {}): Promise<SimulatedNode[]> {
    const all = Array.from({ length: count }, (_, i) => i + 1);
    const nodes = [];
    for (const n of all) nodes.push(await this.start(n, all, options));
    await this.time.run(3000);
    return nodes;
  }

  /** Takes a node off the network without a word, as a power cut does. */
  kill(n: number): Promise<void> {
    return this.time.until(this.crash(n));
  }

  /** Like {@link kill}, while time passes by itself; the node is gone at once. */
  async crash(n: number): Promise<void> {
    const node = this.nodes.get(n);
    if (!node) throw new Error(`Node ${n} does not run.`);
    this.nodes.delete(n);
    node.rain.close();
    this.#disks.set(n, node.store.disk.snapshot());
    await node.cluster.close();
  }

  /** Stops a node in good order. */
  async stop(n: number): Promise<void> {
    const node = this.nodes.get(n);
    if (!node) throw new Error(`Node ${n} does not run.`);
    this.nodes.delete(n);
    await this.time.until(node.cluster.close());
    node.rain.close();
  }

  async closeAll(): Promise<void> {
    for (const n of [...this.nodes.keys()]) await this.kill(n);
  }

  /** Cuts the network between these nodes and all others. */
  isolate(...nodes: number[]): void {
    const inside = new Set(nodes.map((n) => addressOf(n).host));
    this.net.cut = (from, to) => inside.has(from.host) !== inside.has(to.host);
  }

  heal(): void {
    this.net.cut = () => false;
  }
}

/** A node on fakes: the real cluster and the real journeys of puts, gets and deletes. */
export class SimulatedNode {
  readonly store: MemoryStore;
  readonly sentences: string[] = [];
  rain!: SimulatedRain;
  cluster!: Cluster;
  parts!: Parts;
  downloads!: Downloads;
  id!: bigint;

  constructor(
    private readonly world: World,
    readonly n: number,
    disk: MemoryDisk,
    private readonly options: NodeOptions,
  ) {
    this.store = new MemoryStore(disk);
  }

  async open(servers: readonly Address[]): Promise<void> {
    const { time, net, random } = this.world;
    const { machine } = this.options;
    const clock = machine ?? time.clock(this.options.skewMs);
    const note = (_facts: object, sentence: string) => void this.sentences.push(sentence);
    const log: Log = { debug: () => {}, info: note, warn: note, error: note };
    this.id = await nodeId(this.store.facts, random);
    this.rain = net.open(
      addressOf(this.n),
      new SharedSource(this.store, this.options.shareContent ?? true),
      this.options.key,
      machine && { clock: machine, receive: (run) => machine.receive(run) },
    );
    const versions = new HybridClock(clock, this.id);
    const options: ClusterOptions = {
      id: this.id,
      weight: 1,
      zone: '',
      standby: false,
      graceSeconds: 600,
      replicas: 3,
      writeQuorum: 'majority',
      writeTimeoutMs: 10_000,
      servers,
      autoAddPeers: true,
      propagateOnStartup: false,
      repair: { bytesPerSecond: 1e9, concurrent: 4, compareMinutes: 10 },
      retentionHours: 24,
      ...this.options,
    };
    const resolve = this.options.resolve ?? (async (contact: Address) => [contact]);
    const store = this.store;
    const { register, etcd } = this.options;
    this.cluster = new Cluster(options, {
      ...(register && { register }),
      ...(etcd && { etcd: etcd.client(this.rain.address, clock) }),
      rain: this.rain,
      store,
      clock,
      random,
      log,
      resolve,
      versions,
    });
    this.parts = { store, rain: this.rain, cluster: this.cluster, versions, clock, log };
    this.downloads = new Downloads(this.parts);
    await this.cluster.start();
  }

  put(key: string, body: Uint8Array | AsyncIterable<Uint8Array>, options?: PutOptions): Promise<WriteResult> {
    return this.world.time.until(put(this.parts, key, body, options));
  }

  delete(key: string, options?: DeleteOptions): Promise<WriteResult> {
    return this.world.time.until(remove(this.parts, key, options));
  }

  head(key: string, options: ReadOptions = {}): Promise<Manifest> {
    return this.world.time.until(findFor(this.parts, key, options).then(({ manifest }) => manifest));
  }

  async get(key: string, options?: GetOptions): Promise<Buffer> {
    const read = async () => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of (await get(this.parts, this.downloads, key, options)).body) chunks.push(chunk);
      return Buffer.concat(chunks);
    };
    return this.world.time.until(read());
  }

  /** What this node itself holds. */
  holds(id: bigint): { role: string; tombstone: boolean } | undefined {
    const current = this.store.disk.current.get(id);
    return current && { role: current.role, tombstone: current.manifest.tombstone };
  }
}

export function addressOf(n: number): Address {
  return { host: `10.0.0.${n}`, port: 1980 };
}
