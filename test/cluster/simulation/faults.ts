import { isMurkyError } from '../../../src/errors.js';
import type { Address } from '../../../src/rain/contract.js';
import type { SimulatedNetwork } from '../../simulation/simulated-network.js';
import type { VirtualTime } from '../../simulation/virtual-clock.js';
import type { Chance } from './chance.js';
import type { AcknowledgedWrites } from './checkers/acknowledged-writes.js';
import { type Profile, REPLICAS } from './profile.js';
import { FOLDER, type Server } from './server.js';
import type { Trace } from './trace.js';

interface Scene {
  readonly time: VirtualTime;
  readonly net: SimulatedNetwork;
  readonly trace: Trace;
  readonly chance: Chance;
  readonly profile: Profile;
  readonly servers: Server[];
  readonly writes: AcknowledgedWrites;
  readonly start: (server: Server) => void;
  readonly join: () => void;
  readonly keys: () => readonly string[];
  readonly fail: (error: unknown) => void;
}

const ROT_AGAIN_MS = 100;
const LOOK_AT_LEAVING_MS = 250;
/** How likely it is that a node that has left joins again with what it had on its disk. */
const RETURNS = 0.4;

/** Hosts that do not hear each other: nothing passes from the first ones to the second ones. */
interface Cut {
  readonly from: ReadonlySet<string>;
  readonly to: ReadonlySet<string>;
}

/** What a seed does to its cluster, at times of its own choosing, until {@link end}. */
export class Faults {
  readonly counts = {
    partitions: 0,
    crashes: 0,
    pauses: 0,
    wipes: 0,
    rots: 0,
    joins: 0,
    leaves: 0,
    returns: 0,
    clockSteps: 0,
    powerCuts: 0,
  };
  readonly #cuts = new Set<Cut>();
  /** How likely a datagram between two hosts is lost; drawn when the first one is sent. */
  readonly #losses = new Map<string, number>();
  #ended = false;

  constructor(private readonly scene: Scene) {
    const { net, profile, chance } = scene;
    net.cut = (from, to) => [...this.#cuts].some((cut) => cut.from.has(from.host) && cut.to.has(to.host));
    const lossOf = (from: Address, to: Address) => {
      if (profile.loss === 0 || this.#ended) return 0;
      const link = `${from.host} ${to.host}`;
      const loss = this.#losses.get(link) ?? chance.unit() * profile.loss;
      this.#losses.set(link, loss);
      return loss;
    };
    net.link = (from, to) => ({
      loss: lossOf(from, to),
      duplication: this.#ended ? 0 : profile.duplication,
      delayMs: profile.delayMs,
    });
  }

  /** Plans all faults of the seed. */
  plan(): void {
    const { profile } = this.scene;
    const many: [number, () => void][] = [
      [profile.partitions, () => this.#partition()],
      [profile.crashes, () => this.#crash(false)],
      [profile.wipes, () => this.#crash(true)],
      [profile.pauses, () => this.#pause()],
      [profile.rots, () => this.#rot()],
      [profile.joins, () => this.#join()],
      [profile.leaves, () => this.#leave()],
      [profile.skewMs > 0 ? 3 : 0, () => this.#stepClock()],
      [profile.powerCut ? 1 : 0, () => this.powerCut()],
    ];
    for (const [count, fault] of many) for (let i = 0; i < count; i++) this.#at(fault);
  }

  /** Everything works from now on; what is down starts again. */
  end(): void {
    const { servers, trace, start } = this.scene;
    this.#ended = true;
    this.#cuts.clear();
    for (const server of servers) {
      server.machine?.resume();
      if (!server.machine && !server.gone) start(server);
    }
    trace.say('the faults have ended');
  }

  /** All machines at once. */
  powerCut(): void {
    const { servers, trace } = this.scene;
    this.counts.powerCuts += 1;
    trace.say('all nodes lose their power');
    for (const server of servers) {
      if (!server.machine) continue;
      server.crash();
      this.#later(server, this.scene.chance.between(100, 5000));
    }
  }

  #at(fault: () => void): void {
    const { time, chance, profile } = this.scene;
    time.after(chance.unit() * profile.durationMs, () => this.#ended || fault());
  }

  #after(ms: number, run: () => void): void {
    this.scene.time.after(ms, () => this.#ended || run());
  }

  #later(server: Server, ms: number): void {
    this.#after(ms, () => {
      if (!server.machine && !server.gone) this.scene.start(server);
    });
  }

  #partition(): void {
    const { chance, servers, trace } = this.scene;
    this.counts.partitions += 1;
    const size = chance.whole(1, Math.max(1, Math.floor(servers.length / 2)));
    const inside = chance.some(servers, size);
    const hosts = (of: Server[]) => new Set(of.map(({ address }) => address.host));
    const one = hosts(inside);
    const other = hosts(servers.filter((server) => !inside.includes(server)));
    const kind = chance.pick(['both ways', 'out', 'in'] as const);
    const cuts: Cut[] = [];
    if (kind !== 'in') cuts.push({ from: one, to: other });
    if (kind !== 'out') cuts.push({ from: other, to: one });
    for (const cut of cuts) this.#cuts.add(cut);
    trace.say(`cut off (${kind}): ${inside.map(({ n }) => n).join(' ')}`);
    this.#after(chance.between(1000, 15_000), () => {
      for (const cut of cuts) this.#cuts.delete(cut);
      trace.say(`joined again: ${inside.map(({ n }) => n).join(' ')}`);
    });
  }

  #crash(wipe: boolean): void {
    const { chance, servers, trace, writes } = this.scene;
    const running = servers.filter((server) => server.machine);
    if (running.length < 2) return;
    const server = chance.pick(running);
    server.crash();
    if (wipe) {
      this.counts.wipes += 1;
      writes.onWipe(server);
      server.wipe();
      trace.say(`node ${server.n} is killed and its disk is lost`);
    } else {
      this.counts.crashes += 1;
      trace.say(`node ${server.n} is killed`);
    }
    this.#later(server, chance.chance(0.7) ? chance.between(100, 5000) : chance.between(5000, 30_000));
  }

  #pause(): void {
    const { chance, servers, trace } = this.scene;
    const running = servers.filter((server) => server.up);
    if (running.length === 0) return;
    const server = chance.pick(running);
    const { machine } = server;
    this.counts.pauses += 1;
    machine?.pause();
    trace.say(`node ${server.n} stands still`);
    this.#after(chance.between(500, 12_000), () => {
      machine?.resume();
      if (server.machine === machine) trace.say(`node ${server.n} goes on`);
    });
  }

  #rot(): void {
    const { servers, trace, writes, keys } = this.scene;
    // Always the same one: what rots on several disks may be what a wiped one had.
    const server = servers[0]!;
    // Of what is on a disk it is known what may have rotted, not of what is just coming.
    if (server.writing) {
      this.#after(ROT_AGAIN_MS, () => this.#rot());
      return;
    }
    if (!server.disk.files.rotIn(`${FOLDER}/segments`)) return;
    this.counts.rots += 1;
    writes.onRot(server, keys());
    trace.say(`a byte rots on the disk of node ${server.n}`);
  }

  #join(): void {
    this.counts.joins += 1;
    this.scene.join();
  }

  /** A node gives away what it holds and leaves, as by `murky drain`, unless too few would be left. */
  #leave(): void {
    const { chance, servers, trace, fail } = this.scene;
    const staying = servers.filter((server) => !server.gone && server.drain !== 'draining');
    const able = staying.filter((server) => server.up);
    if (staying.length <= REPLICAS || able.length === 0) return;
    const server = chance.pick(able);
    trace.say(`node ${server.n} is to leave`);
    const { machine } = server;
    const state = { begun: false };
    const begun = () => {
      state.begun = true;
    };
    server.running!.cluster.drain.begin().then(begun, (error) => {
      begun();
      // Nobody else may be known to it that could take over; what else goes wrong is a fault.
      if (isMurkyError(error, 'MURKY_NO_QUORUM')) trace.say(`node ${server.n} cannot leave: ${error.message}`);
      else fail(error);
    });
    this.#awaitLeave(server, () => !state.begun && server.machine === machine);
  }

  /** Goes on after the faults: a drain that has begun comes to its end, over restarts too, or its disk is lost. */
  #awaitLeave(server: Server, isBeginning: () => boolean): void {
    this.scene.time.after(LOOK_AT_LEAVING_MS, () => {
      if (server.drain === 'drained') this.#retire(server);
      else if (server.drain !== 'off' || isBeginning()) this.#awaitLeave(server, isBeginning);
    });
  }

  #retire(server: Server): void {
    const { chance, trace, start } = this.scene;
    this.counts.leaves += 1;
    server.retire();
    trace.say(`node ${server.n} has left`);
    if (!chance.chance(RETURNS)) return;
    this.#after(chance.between(500, 10_000), () => {
      this.counts.returns += 1;
      server.gone = false;
      trace.say(`node ${server.n} comes back with its old disk`);
      start(server);
    });
  }

  #stepClock(): void {
    const { chance, servers, trace, profile } = this.scene;
    const server = chance.pick(servers);
    if (!server.machine) return;
    this.counts.clockSteps += 1;
    const ms = chance.between(-profile.skewMs, profile.skewMs);
    server.machine.stepWall(ms);
    trace.say(`the clock of node ${server.n} steps by ${(ms / 1000).toFixed(0)} s`);
  }
}
