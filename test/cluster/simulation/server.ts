import { Cluster } from '../../../src/cluster/cluster.js';
import { SharedSource } from '../../../src/cluster/share.js';
import { remove } from '../../../src/node/delete.js';
import { Downloads } from '../../../src/node/download.js';
import { get } from '../../../src/node/get.js';
import { nodeId } from '../../../src/node/identity.js';
import type { Parts } from '../../../src/node/parts.js';
import { put } from '../../../src/node/put.js';
import { Scrub } from '../../../src/node/scrub.js';
import { HybridClock } from '../../../src/object/hybrid-clock.js';
import type { Address } from '../../../src/rain/contract.js';
import { sleep } from '../../../src/seam/clock.js';
import type { Log } from '../../../src/seam/log.js';
import { recordBytes } from '../../../src/store/block-record.js';
import type { Store } from '../../../src/store/contract.js';
import { ObjectStore } from '../../../src/store/object-store.js';
import { Machine } from '../../simulation/machine.js';
import type { SimulatedNetwork, SimulatedRain } from '../../simulation/simulated-network.js';
import type { VirtualTime } from '../../simulation/virtual-clock.js';
import { MemoryDisk } from '../../store/simulation/memory-disk.js';
import type { Chance } from './chance.js';
import { BLOCK_BYTES, type Profile, REPLICAS } from './profile.js';
import type { Trace } from './trace.js';

export const FOLDER = '/simulated';
const SETTLE_MS = 1000;
/** Often, as a run is short. */
const COMPARE_MINUTES = 0.25;
const WRITE_TIMEOUT_MS = 10_000;
const SCRUB_BYTES_PER_SECOND = 2_000_000;
/** How often a call to the disk takes time, and how much of it. */
const SLOW_CALLS = 0.3;
const SLOWEST_CALL_MS = 3;

/** What all servers of a simulation share. */
export interface Surroundings {
  readonly time: VirtualTime;
  readonly net: SimulatedNetwork;
  readonly trace: Trace;
  readonly profile: Profile;
}

/** What a planted fault changes in a server. */
export interface Tampering {
  /** Called just before all machines lose their power. */
  readonly disk?: (disk: MemoryDisk) => void;
  /** Called with the store and a deleted resource while one of its owners is away, just before the process ends. */
  readonly forget?: (store: Store, id: bigint) => Promise<void>;
  /** Called with each value of several blocks that is read. */
  readonly onRead?: (value: Buffer) => Buffer | Promise<Buffer>;
  readonly budgetFactor?: number;
  readonly weight?: number;
}

/** A running process and what it has opened. */
export interface Running {
  readonly id: bigint;
  readonly machine: Machine;
  readonly rain: SimulatedRain;
  readonly store: ObjectStore;
  readonly cluster: Cluster;
  readonly parts: Parts;
  readonly downloads: Downloads;
}

/**
 * A machine with a disk, on which a node is started, killed and started again: the real store on files in memory, the
 * real cluster, and the real journeys of puts, gets and deletes.
 */
export class Server {
  readonly address: Address;
  disk: MemoryDisk;
  /** Undefined while it is down; `running` only once it has started. */
  machine: Machine | undefined;
  running: Running | undefined;
  /** It has left the cluster for good. */
  gone = false;
  #starts = 0;
  #writes = 0;

  constructor(
    readonly n: number,
    private readonly around: Surroundings,
    private readonly chance: Chance,
    readonly tampering: Tampering = {},
  ) {
    this.address = addressOf(n);
    this.disk = this.#emptyDisk();
  }

  /** Starts a process; `contacts` are its servers list. Resolves when it takes requests, never if it is killed before. */
  async start(contacts: readonly Address[]): Promise<void> {
    const { profile, trace, time, net } = this.around;
    const skewMs = this.chance.between(-profile.skewMs, profile.skewMs);
    const machine = new Machine(time, skewMs, this.chance.between(-profile.drift, profile.drift));
    this.machine = machine;
    this.#starts += 1;
    const random = this.chance.part(1000 * this.#starts);
    const log = this.#log();
    const store = await ObjectStore.open({
      folder: FOLDER,
      disk: this.disk.boot(),
      clock: machine,
      log,
      maxBytes: profile.maxBytes * (this.tampering.budgetFactor ?? 1),
      graceMs: profile.retentionMs,
      segmentBytes: 6 * recordBytes(BLOCK_BYTES),
    });
    const id = await nodeId(store.facts, random);
    const rain = net.open(this.address, new SharedSource(store, true), 'key', {
      clock: machine,
      receive: (run) => machine.receive(run),
    });
    const versions = new HybridClock(machine, id);
    const cluster = new Cluster(
      {
        id,
        weight: this.tampering.weight ?? 1,
        zone: '',
        standby: false,
        graceSeconds: profile.graceSeconds,
        replicas: REPLICAS,
        writeQuorum: 'majority',
        writeTimeoutMs: WRITE_TIMEOUT_MS,
        servers: contacts,
        autoAddPeers: true,
        propagateOnStartup: true,
        repair: { bytesPerSecond: 100e6, concurrent: 4, compareMinutes: COMPARE_MINUTES },
        retentionHours: 24,
      },
      { rain, store, clock: machine, random, log, resolve: async (contact) => [contact], versions },
    );
    await cluster.start();
    await cluster.settled(SETTLE_MS);
    const parts: Parts = { store, rain, cluster, versions, clock: machine, log, blockBytes: BLOCK_BYTES };
    await new Scrub(parts, SCRUB_BYTES_PER_SECOND).start();
    this.running = { id, machine, rain, store, cluster, parts, downloads: new Downloads(parts) };
    trace.say(`node ${this.n} runs`);
  }

  /** The process ends without a word, and with it what its disk had not synced, unless it is the process alone. */
  crash(what: 'power' | 'process' = 'power'): void {
    this.machine?.kill();
    this.running?.rain.close();
    this.disk.crash(what);
    this.machine = undefined;
    this.running = undefined;
    this.#writes = 0;
  }

  /** A new disk: for a server that is down. */
  wipe(): void {
    this.disk = this.#emptyDisk();
  }

  /** How far it is with leaving the cluster on purpose; undefined while it is down. */
  get drain(): 'off' | 'draining' | 'drained' | undefined {
    return this.running?.cluster.drain.status().state;
  }

  /** It has left, and its process is ended; what is on its disk counts no more. */
  retire(): void {
    this.crash('process');
    this.gone = true;
  }

  /** Takes requests of clients now. */
  get up(): boolean {
    return this.running !== undefined && this.machine?.paused === false;
  }

  /** Something is being written to its disk for a client, or fetched. */
  get writing(): boolean {
    return this.#writes > 0 || (this.running?.rain.fetching ?? 0) > 0;
  }

  async put(key: string, value: Uint8Array) {
    this.#writes += 1;
    try {
      return await put(this.#parts(), key, value);
    } finally {
      this.#writes = Math.max(0, this.#writes - 1);
    }
  }

  delete(key: string) {
    return remove(this.#parts(), key);
  }

  async get(key: string) {
    const { manifest, body } = await get(this.#parts(), this.running!.downloads, key);
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    const value = Buffer.concat(chunks);
    const { onRead } = this.tampering;
    return { manifest, value: onRead && value.length > 2 * BLOCK_BYTES ? await onRead(value) : value };
  }

  /** Bytes of values that are on the disk. */
  get bytes(): number {
    return this.disk.files.bytesIn(`${FOLDER}/segments`) + this.disk.bytesOf(FOLDER, 'v');
  }

  #parts(): Parts {
    if (!this.running) throw new Error(`Node ${this.n} does not run.`);
    return this.running.parts;
  }

  #emptyDisk(): MemoryDisk {
    const disk = new MemoryDisk(this.chance, async (random) => {
      // The machine that makes the call; it never goes on if that one is killed meanwhile.
      const machine = this.machine;
      if (machine && random.chance(SLOW_CALLS)) await sleep(machine, random.unit() * SLOWEST_CALL_MS);
    });
    return disk;
  }

  #log(): Log {
    const say = (_facts: object, sentence: string) => this.around.trace.say(`node ${this.n}: ${sentence}`);
    return { debug: () => {}, info: () => {}, warn: say, error: say };
  }
}

export function addressOf(n: number): Address {
  return { host: `10.0.${n >> 8}.${n & 255}`, port: 1980 };
}
