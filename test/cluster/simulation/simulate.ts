import { SimulatedNetwork } from '../../simulation/simulated-network.js';
import { VirtualTime } from '../../simulation/virtual-clock.js';
import { type Break, tamperingOf } from './breaks.js';
import { Chance } from './chance.js';
import { AcknowledgedWrites } from './checkers/acknowledged-writes.js';
import { Budgets } from './checkers/budgets.js';
import { unsettled } from './checkers/convergence.js';
import { Reads } from './checkers/reads.js';
import { Clients } from './clients.js';
import { Faults } from './faults.js';
import { History } from './history.js';
import { type Profile, profileOf } from './profile.js';
import { blackout, fill, grow, type Stage, sleeper, witness } from './scenes.js';
import { Server, type Surroundings } from './server.js';
import { Trace } from './trace.js';
import { Violation } from './violation.js';

/** After the last fault all owners hold the same within this time. */
export const CONVERGES_WITHIN_MS = 120_000;
const STEP_MS = 1000;
const STARTS_WITHIN_MS = 30_000;
/** Nodes list all others up to this size, and a few of them beyond. */
const ALL_LISTED = 12;
const FEW_LISTED = 3;
/** Nodes that are asked for every key in the end. */
const READERS = 6;

export interface Options {
  readonly seed: number;
  readonly nodes?: number | undefined;
  readonly broken?: Break | undefined;
  /** Looks at the cluster as it is in the end, before what it shows is reported. */
  readonly inspect?: (servers: readonly Server[], time: VirtualTime) => Promise<void>;
}

export interface Report {
  readonly seed: number;
  /** Undefined if all checkers held. */
  readonly violation?: { readonly checker: string; readonly what: string };
  readonly digest: string;
  /** The last things that happened. */
  readonly trace: readonly string[];
  readonly nodes: number;
  readonly profile: Profile;
  readonly operations: Clients['counts'];
  readonly faults: Faults['counts'];
  readonly readsChecked: number;
  readonly datagrams: number;
  readonly events: number;
  readonly virtualMs: number;
  readonly convergedAfterMs: number | undefined;
  readonly peakBytes: number;
}

/** Runs one seed. Never rejects: what is wrong stands in the report. */
export async function simulate(options: Options): Promise<Report> {
  return await new Simulation(options).run();
}

class Simulation {
  readonly #chance: Chance;
  readonly #profile: Profile;
  readonly #time = new VirtualTime();
  readonly #trace = new Trace(() => this.#time.now);
  readonly #net: SimulatedNetwork;
  readonly #servers: Server[] = [];
  readonly #history = new History();
  readonly #writes = new AcknowledgedWrites(this.#servers);
  readonly #reads = new Reads(this.#history);
  readonly #budgets: Budgets;
  readonly #faults: Faults;
  readonly #clients: Clients;
  #failure: unknown;
  #datagrams = 0;
  #restedAfterMs: number | undefined;
  /** Keys whose newest version has rotted on every disk that had it. */
  readonly #lost = new Set<string>();

  constructor(private readonly options: Options) {
    this.#chance = new Chance(options.seed);
    this.#profile = profileOf(this.#chance, options);
    this.#net = new SimulatedNetwork(this.#time, this.#chance.part(1));
    this.#net.onArrival = (from, to) => this.#onArrival(from.host, to.host);
    this.#budgets = new Budgets(this.#servers, this.#profile);
    const scene = {
      time: this.#time,
      net: this.#net,
      trace: this.#trace,
      profile: this.#profile,
      servers: this.#servers,
      writes: this.#writes,
    };
    this.#faults = new Faults({
      ...scene,
      chance: this.#chance.part(2),
      start: (server) => this.#start(server),
      join: () => void this.#join(),
      keys: () => this.#history.keys(),
      fail: this.#fail,
    });
    this.#clients = new Clients({
      ...scene,
      chance: this.#chance.part(3),
      history: this.#history,
      reads: this.#reads,
      fail: this.#fail,
    });
  }

  async run(): Promise<Report> {
    process.on('unhandledRejection', this.#fail);
    try {
      await this.#boot();
      this.#faults.plan();
      this.#clients.plan();
      await this.#pass(this.#profile.durationMs);
      this.#faults.end();
      await this.#rest();
      for (const scene of this.#scenes()) if (this.#lost.size === 0) await scene(this.#stage);
      await this.#readAll();
      this.#writes.check();
    } catch (error) {
      this.#failure ??= error;
    } finally {
      process.off('unhandledRejection', this.#fail);
    }
    await this.options.inspect?.(this.#servers, this.#time);
    return this.#report();
  }

  async #boot(): Promise<void> {
    const { every } = tamperingOf(this.options.broken);
    for (let n = 1; n <= this.#profile.nodes; n++)
      this.#servers.push(new Server(n, this.#around, this.#chance.part(100 + n), every));
    for (const server of this.#servers) this.#start(server);
    const end = this.#time.now + STARTS_WITHIN_MS;
    while (unsettled(this.#servers, []) && this.#time.now < end) await this.#pass(STEP_MS);
    const why = unsettled(this.#servers, []);
    if (why) throw new Violation('convergence', `The nodes have not found each other: ${why}`);
    this.#trace.say(`${this.#servers.length} nodes have found each other`);
  }

  #start(server: Server): void {
    const others = this.#servers.filter((one) => one !== server && !one.gone);
    const listed = this.#servers.length <= ALL_LISTED ? others : others.slice(0, FEW_LISTED);
    server.start(listed.map(({ address }) => address)).catch(this.#fail);
  }

  #join(): Server {
    const { joining } = tamperingOf(this.options.broken);
    const n = this.#servers.length + 1;
    const server = new Server(n, this.#around, this.#chance.part(100 + n), joining);
    this.#servers.push(server);
    this.#trace.say(`node ${n} joins`);
    this.#start(server);
    return server;
  }

  /** Lets time pass, and looks at the budgets and the copies on the way. */
  async #pass(ms: number): Promise<void> {
    const end = this.#time.now + ms;
    do {
      await this.#time.run(Math.min(STEP_MS, end - this.#time.now));
      this.#writes.observe();
      this.#budgets.check();
      if (this.#failure) throw this.#failure;
    } while (this.#time.now < end);
  }

  #scenes(): ((stage: Stage) => Promise<void>)[] {
    const chosen = this.#profile;
    const scenes = { sleeper, grow, witness, fill, blackout };
    return (Object.keys(scenes) as (keyof typeof scenes)[]).filter((name) => chosen[name]).map((name) => scenes[name]);
  }

  get #stage(): Stage {
    return {
      servers: this.#servers,
      clients: this.#clients,
      maxBytes: this.#profile.maxBytes,
      until: async (work) => {
        await this.#time.until(work);
        await this.#pass(0);
      },
      pass: (ms) => this.#pass(ms),
      rest: () => this.#rest(),
      start: (server) => this.#start(server),
      powerCut: () => this.#faults.powerCut(),
      join: () => this.#join(),
      say: (line) => this.#trace.say(line),
      keys: () => this.#history.keys(),
    };
  }

  async #rest(): Promise<void> {
    const began = this.#time.now;
    const why = () => unsettled(this.#servers, this.#history.keys()) ?? this.#clients.hanging;
    while (why() && this.#time.now < began + CONVERGES_WITHIN_MS) await this.#pass(STEP_MS);
    if (why()) this.#giveUpLost();
    if (this.#lost.size > 0) return;
    if (why()) this.#writes.check(); // what is lost matters more than that it is not agreed on
    const { hanging } = this.#clients;
    if (hanging) throw new Violation('operations', `${hanging} has not ended.`);
    const still = why();
    if (still) throw new Violation('convergence', `After ${CONVERGES_WITHIN_MS / 1000} s of peace: ${still}`);
    this.#restedAfterMs = Math.max(this.#restedAfterMs ?? 0, this.#time.now - began);
    this.#trace.say('all owners agree');
  }

  /** Leaves out what has rotted on every disk that has it, where all else is at rest: it can never be. */
  #giveUpLost(): void {
    const lost = this.#history.keys().filter((key) => this.#writes.mayBeBeyondRepair(key));
    const others = this.#history.keys().filter((key) => !lost.includes(key));
    if (lost.length === 0 || unsettled(this.#servers, others, true) || this.#clients.hanging) return;
    for (const key of lost) this.#lost.add(key);
    this.#trace.say(`beyond repair: ${lost.join(' ')}`);
  }

  /** Every key is there for everyone, or for no one, as the acknowledged writes demand. */
  async #readAll(): Promise<void> {
    const present = this.#servers.filter((server) => !server.gone);
    const readers = this.#chance.part(4).some(present, READERS);
    for (const key of this.#history.keys().filter((one) => !this.#lost.has(one))) {
      const seen = await this.#time.until(Promise.all(readers.map((server) => this.#clients.read(server, key))));
      if (this.#failure) throw this.#failure;
      const promised = this.#writes.promised(key);
      for (const [i, { n }] of readers.entries()) this.#checkRead(key, n, seen[i], seen[0], promised?.kind);
    }
  }

  #checkRead(key: string, n: number, seen: string | undefined, first: string | undefined, promised?: string): void {
    if (seen === undefined && promised)
      throw new Violation('reads', `Node ${n} cannot tell whether there is a "${key}".`);
    if (promised && seen !== first)
      throw new Violation('convergence', `Node ${n} finds ${seen} for "${key}", another ${first}.`);
  }

  get #around(): Surroundings {
    return { time: this.#time, net: this.#net, trace: this.#trace, profile: this.#profile };
  }

  #onArrival(from: string, to: string): void {
    this.#datagrams += 1;
    this.#trace.mix(Math.round(this.#time.now * 1000));
    for (const host of [from, to]) for (let i = 5; i < host.length; i++) this.#trace.mix(host.charCodeAt(i));
  }

  readonly #fail = (error: unknown): void => {
    this.#failure ??= error;
  };

  #report(): Report {
    const failure = this.#failure;
    const checker = failure instanceof Violation ? failure.checker : 'operations';
    const what = failure instanceof Violation ? failure.message : failure instanceof Error ? failure.stack : failure;
    return {
      seed: this.options.seed,
      ...(failure !== undefined && { violation: { checker, what: String(what) } }),
      digest: this.#trace.digest,
      trace: this.#trace.last,
      nodes: this.#servers.length,
      profile: this.#profile,
      operations: this.#clients.counts,
      faults: this.#faults.counts,
      readsChecked: this.#reads.checked,
      datagrams: this.#datagrams,
      events: this.#time.events,
      virtualMs: this.#time.now,
      convergedAfterMs: this.#restedAfterMs,
      peakBytes: this.#budgets.peakBytes,
    };
  }
}
