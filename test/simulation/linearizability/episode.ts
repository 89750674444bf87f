import { isMurkyError, MurkyError } from '../../../src/errors.js';
import { remove } from '../../../src/node/delete.js';
import { get } from '../../../src/node/get.js';
import { put } from '../../../src/node/put.js';
import { sleep } from '../../../src/seam/clock.js';
import { Machine } from '../machine.js';
import { MemoryEtcd } from '../memory-etcd.js';
import { addressOf, type NodeOptions, type SimulatedNode, World } from '../world.js';
import { checkLinearizable, type Verdict } from './checker.js';
import { History, type Operation } from './history.js';

/** Ways to break the protocol on purpose. */
export const BREAKS = {
  'no-write-back': 'quorum reads answer without making sure that a majority holds what they found',
  'local-reads': 'reads ask nobody, and are taken for quorum reads',
  'no-poll': 'writes choose a version without asking a majority',
  'change-version': 'a write that meets a newer version takes a greater one, though it may have been read',
} as const;

export type Break = keyof typeof BREAKS;

/** What tells the nodes of each other; etcd is simulated, and cut off and loses answers like the nodes. */
export const REGISTRIES = ['swim', 'etcd'] as const;
export type Registry = (typeof REGISTRIES)[number];

const ETCD = { host: '10.0.1.1', port: 2379 };

export interface Episode {
  readonly seed: number;
  readonly operations: readonly Operation[];
  readonly verdict: Verdict;
  /** What was done to the cluster, and how often. */
  readonly faults: Readonly<Record<string, number>>;
}

const KEY = 'register';
const HOUR_MS = 3_600_000;
const WRITE_TIMEOUT_MS = 1500;
/** A client that waits longer goes on without an answer. */
const PATIENCE_MS = 6000;
const STATIC: NodeOptions = { writeTimeoutMs: WRITE_TIMEOUT_MS, graceSeconds: 1e6 };

/**
 * Clients put, read at the quorum and delete one object at all nodes of a small cluster, while datagrams are lost,
 * doubled, delayed and cut, nodes crash, stop and come back, and clocks are up to an hour off. At the end all is
 * mended, and each node reads once more.
 */
export async function runEpisode(seed: number, broken?: Break, registry: Registry = 'swim'): Promise<Episode> {
  const episode = new Run(seed, broken, registry);
  await episode.run();
  const { operations } = episode.history;
  return { seed, operations, verdict: checkLinearizable(operations), faults: episode.faults };
}

class Run {
  readonly history = new History();
  readonly faults: Record<string, number> = {};
  readonly #world: World;
  readonly #count: number;
  readonly #machines = new Map<number, Machine>();
  /** Resolves when the process of a node ends. */
  readonly #ends = new Map<SimulatedNode, { readonly ended: Promise<void>; readonly end: () => void }>();
  readonly #booting: Promise<void>[] = [];
  #etcd: MemoryEtcd | undefined;
  #values = 0;
  #done = false;

  constructor(
    seed: number,
    private readonly broken: Break | undefined,
    registry: Registry,
  ) {
    this.#world = new World(seed);
    if (registry === 'etcd') this.#etcd = new MemoryEtcd(this.#world.net, ETCD);
    this.#count = this.#chance(0.7) ? 3 : 5;
  }

  async run(): Promise<void> {
    const { time } = this.#world;
    const all = Array.from({ length: this.#count }, (_, i) => i + 1);
    await time.until(Promise.all(all.map((n) => this.#boot(n))));
    const acquainted = () =>
      [...this.#world.nodes.values()].every(
        ({ cluster }) => cluster.peers().length === this.#count - 1 && cluster.peers().every(({ id }) => id !== null),
      );
    while (!acquainted()) await time.run(500);
    this.#setLinks();
    const clients = Array.from({ length: 3 + this.#below(2) }, (_, i) => this.#client(String.fromCharCode(97 + i)));
    const faults = this.#torment();
    await time.until(Promise.all(clients), 600_000);
    this.#done = true;
    await time.until(faults);
    await this.#mend();
    for (const node of this.#world.nodes.values()) await time.until(this.#read(`end${node.n}`, node));
    await this.#world.closeAll();
    await time.until(Promise.all(this.#booting));
  }

  async #boot(n: number): Promise<SimulatedNode> {
    const machine = new Machine(this.#world.time, this.#skew());
    const all = Array.from({ length: this.#count }, (_, i) => i + 1);
    this.#machines.set(n, machine);
    const node = await this.#world.boot(n, all, {
      ...STATIC,
      machine,
      ...(this.#etcd && { etcd: this.#etcd }),
    });
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#ends.set(node, { ended, end });
    if (this.broken) breakNode(node, this.broken);
    return node;
  }

  // What clients do.

  async #client(name: string): Promise<void> {
    for (let i = 5 + this.#below(4); i > 0; i--) {
      const node = this.#anyNode();
      if (node) await this.#operate(name, node);
      await this.#pause(this.#chance(0.5) ? 20 : 800);
    }
  }

  async #operate(client: string, node: SimulatedNode): Promise<void> {
    const kind = this.#world.random.unit();
    if (kind < 0.5) await this.#read(client, node);
    else if (kind < 0.85) await this.#put(client, node);
    else await this.#delete(client, node);
  }

  async #put(client: string, node: SimulatedNode): Promise<void> {
    const value = `${client}${this.#values++}`;
    // A manifest that does not fit a datagram goes other ways.
    const metadata: Record<string, string> = this.#chance(0.2) ? { note: 'n'.repeat(2000) } : {};
    const operation = { client, kind: 'write' as const, value, start: this.history.begin() };
    const outcome = await this.#outcome(node, () => put(node.parts, KEY, Buffer.from(value), { metadata }));
    if (outcome.kind === 'done') this.history.end(operation);
    else if (!saysNotWritten(outcome)) this.history.unknown(operation);
  }

  async #delete(client: string, node: SimulatedNode): Promise<void> {
    const operation = { client, kind: 'write' as const, value: null, start: this.history.begin() };
    const outcome = await this.#outcome(node, () => remove(node.parts, KEY));
    if (outcome.kind === 'done') this.history.end(operation);
    else if (isNotFound(outcome)) this.history.end({ ...operation, kind: 'read' });
    else if (!saysNotWritten(outcome)) this.history.unknown(operation);
  }

  async #read(client: string, node: SimulatedNode): Promise<void> {
    const operation = { client, kind: 'read' as const, start: this.history.begin() };
    const outcome = await this.#outcome(node, async () => {
      const { body } = await get(
        node.parts,
        node.downloads,
        KEY,
        this.broken === 'local-reads' ? {} : { consistency: 'quorum' },
      );
      const chunks: Uint8Array[] = [];
      for await (const chunk of body) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    });
    if (outcome.kind === 'done') this.history.end({ ...operation, value: outcome.result });
    else if (isNotFound(outcome)) this.history.end({ ...operation, value: null });
  }

  async #outcome<T>(node: SimulatedNode, work: () => Promise<T>): Promise<Outcome<T>> {
    const lost = Promise.race([this.#ends.get(node)!.ended, sleep(this.#world.time.clock(), PATIENCE_MS)]);
    const ended = work().then(
      (result): Outcome<T> => ({ kind: 'done', result }),
      (error): Outcome<T> => {
        if (!(error instanceof MurkyError)) throw error;
        return { kind: 'failed', error };
      },
    );
    return await Promise.race([ended, lost.then((): Outcome<T> => ({ kind: 'lost' }))]);
  }

  // What is done to them.

  async #torment(): Promise<void> {
    while (!this.#done) {
      await this.#pause(1200);
      const event = this.#world.random.unit();
      if (event < 0.2) this.#note('partition', () => this.#partition());
      else if (event < 0.3) this.#note('one-way cut', () => this.#cutOneWay());
      else if (event < 0.5) this.#world.heal();
      else if (event < 0.62) this.#note('other links', () => this.#setLinks());
      else if (event < 0.74) this.#crash();
      else if (event < 0.86) this.#restart();
      else if (event < 0.92) this.#stop();
      else this.#note('clock step', () => this.#anyMachine()?.stepWall(this.#skew()));
    }
  }

  /** Loss of up to 30 %, doubling of up to 20 %, and 1 to 200 ms, on each link its own. */
  #setLinks(): void {
    const { random, net } = this.#world;
    const links = new Map<string, { loss: number; duplication: number; delayMs: number }>();
    const harsh = this.#chance(0.5) ? 0.3 : 0.05;
    if (this.#etcd) this.#etcd.loss = harsh * random.unit();
    net.link = (from, to) => {
      const name = `${from.host} ${to.host}`;
      let link = links.get(name);
      if (!link) {
        link = { loss: harsh * random.unit(), duplication: 0.2 * random.unit(), delayMs: 200 ** random.unit() };
        links.set(name, link);
      }
      return link;
    };
  }

  #partition(): void {
    const inside = Array.from({ length: this.#count }, (_, i) => i + 1).filter(() => this.#chance(0.5));
    this.#world.isolate(...inside);
  }

  #cutOneWay(): void {
    const [from, to] = [addressOf(1 + this.#below(this.#count)), addressOf(1 + this.#below(this.#count))];
    this.#world.net.cut = (a, b) => a.host === from.host && b.host === to.host;
  }

  #crash(): void {
    const node = this.#anyNode();
    if (!node || this.#world.nodes.size <= this.#count / 2) return;
    this.#note('crash', () => {
      void this.#world.crash(node.n); // what a dead process waits for never comes
      this.#machines.get(node.n)!.kill();
      this.#ends.get(node)!.end();
    });
  }

  #restart(): void {
    for (let n = 1; n <= this.#count; n++) {
      if (this.#world.nodes.has(n) || !this.#machines.get(n)!.dead) continue;
      this.#note('restart', () => void this.#booting.push(this.#boot(n).then(() => {})));
      return;
    }
  }

  #stop(): void {
    const machine = this.#anyMachine();
    if (!machine || machine.paused) return;
    this.#note('stop', () => {
      machine.pause();
      this.#world.time.after(3000 * this.#world.random.unit(), () => machine.resume());
    });
  }

  async #mend(): Promise<void> {
    const { time, net } = this.#world;
    this.#world.heal();
    if (this.#etcd) this.#etcd.loss = 0;
    net.link = () => ({ loss: 0, duplication: 0, delayMs: 5 });
    await time.run(3000);
    for (let n = 1; n <= this.#count; n++) if (!this.#world.nodes.has(n)) await time.until(this.#boot(n));
    await time.run(3000);
  }

  // Chance.

  #note(fault: string, work: () => void): void {
    this.faults[fault] = (this.faults[fault] ?? 0) + 1;
    work();
  }

  #chance(share: number): boolean {
    return this.#world.random.unit() < share;
  }

  #below(count: number): number {
    return Math.floor(this.#world.random.unit() * count);
  }

  #skew(): number {
    return Math.round((2 * this.#world.random.unit() - 1) * HOUR_MS);
  }

  #anyNode(): SimulatedNode | undefined {
    const ready = [...this.#world.nodes.values()].filter((node) => this.#ends.has(node));
    return ready[this.#below(ready.length)];
  }

  #anyMachine(): Machine | undefined {
    return this.#machines.get(1 + this.#below(this.#count));
  }

  #pause(upToMs: number): Promise<void> {
    return sleep(this.#world.time.clock(), upToMs * this.#world.random.unit());
  }
}

type Outcome<T> =
  | { readonly kind: 'done'; readonly result: T }
  | { readonly kind: 'failed'; readonly error: MurkyError }
  /** No answer came. */
  | { readonly kind: 'lost' };

function isNotFound(outcome: Outcome<unknown>): boolean {
  return outcome.kind === 'failed' && outcome.error.code === 'MURKY_NOT_FOUND';
}

/** Too few owners could be asked at the beginning: the write promises that it never takes effect. */
function saysNotWritten(outcome: Outcome<unknown>): boolean {
  return (
    outcome.kind === 'failed' && isMurkyError(outcome.error, 'MURKY_NO_QUORUM') && 'answered' in outcome.error.facts
  );
}

function breakNode({ cluster }: SimulatedNode, how: Break): void {
  if (how === 'no-write-back') cluster.writeBack = async () => {};
  const replicate = cluster.replicate.bind(cluster);
  if (how === 'change-version') cluster.replicate = (manifest) => replicate(manifest, false);
  const ask = cluster.polls.ask.bind(cluster.polls);
  if (how === 'no-poll') {
    const nothing = { count: 3, answered: 2, needed: 2, complete: true, exhausted: false, orderable: true };
    cluster.polls.ask = async (id, patienceMs, signal) =>
      patienceMs === WRITE_TIMEOUT_MS
        ? { ...nothing, holders: { self: false, others: [] } }
        : ask(id, patienceMs, signal);
  }
}
