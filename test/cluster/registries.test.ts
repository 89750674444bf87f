import { setTimeout as wait } from 'node:timers/promises';
import { suite } from 'uvu';
import { EtcdMembership } from '../../src/cluster/etcd/etcd-membership.js';
import { SwimMembership } from '../../src/cluster/swim/swim-membership.js';
import { EtcdClient } from '../../src/etcd/etcd-client.js';
import type { Address, RainNetwork } from '../../src/rain/contract.js';
import { RainEndpoint } from '../../src/rain/endpoint.js';
import { systemClock } from '../../src/seam/clock.js';
import { silentLog } from '../../src/seam/log.js';
import { systemRandom } from '../../src/seam/random.js';
import type { FactStore } from '../../src/store/contract.js';
import { EtcdServer, etcdInstalled } from '../etcd/etcd-server.js';
import { MemoryStore } from '../simulation/memory-store.js';
import { SimulatedNetwork } from '../simulation/simulated-network.js';
import { seededRandom, VirtualTime } from '../simulation/virtual-clock.js';
import { type Bed, type Choice, membershipConformance, type Registered } from './membership-conformance.js';

const SETTINGS = { replicas: 3, writeQuorum: 'majority', graceSeconds: 600 } as const;
const idOf = (n: number) => BigInt(n) * 0x0102030405060708n;
const selfOf = (n: number, { weight = 1, zone = '', standby = false }: Choice) => ({
  id: idOf(n),
  weight,
  zone,
  standby,
  settings: SETTINGS,
});

/** What a test bed has of each node: what it keeps, and how its run is ended. */
abstract class SomeBed implements Bed {
  readonly #facts = new Map<number, FactStore>();
  readonly #running = new Map<number, () => Promise<void>>();

  abstract start(n: number, choice?: Choice): Promise<Registered>;
  abstract until(so: () => boolean, what: string): Promise<void>;
  abstract done<T>(work: Promise<T>): Promise<T>;

  factsOf(n: number): FactStore {
    const facts = this.#facts.get(n) ?? new MemoryStore().facts;
    this.#facts.set(n, facts);
    return facts;
  }

  runs(n: number, end: () => Promise<void>): void {
    this.#running.set(n, end);
  }

  async kill(n: number): Promise<void> {
    const end = this.#running.get(n);
    this.#running.delete(n);
    if (end) await this.done(end());
  }

  async close(): Promise<void> {
    for (const n of [...this.#running.keys()]) await this.kill(n);
  }
}

class SimulatedBed extends SomeBed {
  readonly #time = new VirtualTime();
  readonly #random = seededRandom(11);
  readonly #net = new SimulatedNetwork(this.#time, this.#random);

  async start(n: number, choice: Choice = {}): Promise<Registered> {
    const source = new MemoryStore() as unknown as Parameters<SimulatedNetwork['open']>[1];
    const rain = this.#net.open({ host: `10.0.0.${n + (choice.moved ? 100 : 0)}`, port: 1980 }, source);
    const servers = [{ host: '10.0.0.1', port: 1980 }];
    const membership = new SwimMembership(
      { ...selfOf(n, choice), servers, autoAddPeers: true },
      {
        rain,
        facts: this.factsOf(n),
        clock: this.#time.clock(),
        random: this.#random,
        log: silentLog,
        resolve: async (contact) => [contact],
      },
    );
    await this.done(membership.start());
    this.runs(n, async () => {
      rain.close();
      await membership.close();
    });
    return { id: idOf(n), membership };
  }

  async until(so: () => boolean, what: string): Promise<void> {
    for (let step = 0; step < 300; step++) {
      if (so()) return;
      await this.#time.run(100);
    }
    throw new Error(`After 30 s it was not so that ${what}.`);
  }

  done<T>(work: Promise<T>): Promise<T> {
    return this.#time.until(work);
  }
}

abstract class RealTimeBed extends SomeBed {
  async until(so: () => boolean, what: string): Promise<void> {
    for (let step = 0; step < 1200; step++) {
      if (so()) return;
      await wait(25);
    }
    throw new Error(`After 30 s it was not so that ${what}.`);
  }

  done<T>(work: Promise<T>): Promise<T> {
    return work;
  }
}

class UdpBed extends RealTimeBed {
  readonly #key = new Uint8Array(32).fill(7);
  readonly #ports = new Map<number, number>();

  async start(n: number, choice: Choice = {}): Promise<Registered> {
    const port = choice.moved ? 0 : (this.#ports.get(n) ?? 0);
    const rain = await RainEndpoint.open({ key: this.#key, port });
    this.#ports.set(n, rain.address.port);
    const servers = n === 1 ? [] : [{ host: '127.0.0.1', port: this.#ports.get(1)! }];
    const seams = { rain: rain as RainNetwork, facts: this.factsOf(n), ...realSeams };
    const membership = new SwimMembership({ ...selfOf(n, choice), servers, autoAddPeers: true }, seams);
    await membership.start();
    this.runs(n, async () => {
      await rain.close();
      await membership.close();
    });
    return { id: idOf(n), membership };
  }
}

const realSeams = {
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
  resolve: async (contact: Address) => [contact],
};

class EtcdBed extends RealTimeBed {
  static server: EtcdServer;
  static beds = 0;
  readonly #prefix = `/bed${++EtcdBed.beds}`;

  async start(n: number, choice: Choice = {}): Promise<Registered> {
    const etcd = new EtcdClient({ endpoints: [EtcdBed.server.endpoint] });
    const address = { host: `10.0.0.${n + (choice.moved ? 100 : 0)}`, port: 1980 };
    const options = { ...selfOf(n, choice), prefix: this.#prefix, leaseSeconds: 2 };
    const membership = new EtcdMembership(options, { etcd, rain: { address }, facts: this.factsOf(n), ...realSeams });
    await membership.start();
    this.runs(n, () => membership.close());
    return { id: idOf(n), membership };
  }
}

if (etcdInstalled) {
  // Before any suite is handed to uvu, which would begin meanwhile, and then begin all of them a second time.
  EtcdBed.server = await EtcdServer.start();
  process.on('exit', () => EtcdBed.server.killNow());
}
membershipConformance('SWIM in a simulation', async () => new SimulatedBed(), false);
membershipConformance('SWIM over UDP', async () => new UdpBed(), false);
if (etcdInstalled) membershipConformance('etcd', async () => new EtcdBed(), true);
else {
  const left = suite('membership by etcd');
  left.skip('etcd is not on the PATH');
  left.run();
}
