import { setMaxListeners } from 'node:events';
import { isIP } from 'node:net';
import type { Etcd, EtcdEntry } from '../../etcd/contract.js';
import type { Address, RainNetwork } from '../../rain/contract.js';
import { type Clock, sleep } from '../../seam/clock.js';
import type { Log } from '../../seam/log.js';
import type { Random } from '../../seam/random.js';
import type { FactStore } from '../../store/contract.js';
import { type Contact, contactText } from '../contact.js';
import { Doubts } from '../doubts.js';
import { KeyedLock } from '../keyed-lock.js';
import { Limit } from '../limit.js';
import type { Membership, Resolve } from '../membership.js';
import { MembershipListeners } from '../membership-listeners.js';
import { MAX_PEERS, type Member, type Peer, PeerTable } from '../peers.js';
import type { Settings } from '../settings.js';
import { decodeEntry, encodeEntry, type NodeEntry } from './node-entry.js';

export interface EtcdMembershipOptions {
  readonly id: bigint;
  readonly weight: number;
  readonly zone: string;
  readonly standby: boolean;
  readonly advertised?: Contact;
  readonly settings: Settings;
  /** What every key begins with. */
  readonly prefix: string;
  readonly leaseSeconds: number;
}

export interface EtcdMembershipSeams {
  readonly etcd: Etcd;
  readonly rain: Pick<RainNetwork, 'address'>;
  readonly facts: FactStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly resolve: Resolve;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
/** A watch of which nothing is heard may be cut off without a word: all is read again, and watched anew, after so long. */
const WATCH_FOR_MS = 60_000;
/** Keys that are read; of nodes that have left a key remains. */
const MAX_RUNNING = 2 * MAX_PEERS;
const MAX_KNOWN = 8 * MAX_PEERS;
/** Each may keep a thread waiting for a name server, and there are four for all that the process reads and hashes. */
const MAX_RUNNING_LOOKUPS = 2;
/** Times that a lease is kept alive before it would run out. */
const KEEPS_A_LEASE = 3;

/**
 * Membership from etcd: each node has a key that says who it is and stays, and one that says that it runs and goes with
 * its lease. A watch tells of changes. While etcd cannot be reached what was heard last holds, and the node tries again,
 * with growing pauses.
 */
export class EtcdMembership implements Membership {
  readonly #table: PeerTable;
  readonly #listeners: MembershipListeners;
  readonly #doubts: Doubts;
  readonly #boot: string;
  readonly #closing = new AbortController();
  readonly #entries = new Map<bigint, NodeEntry>();
  readonly #running = new Map<bigint, string>();
  readonly #answeredSinceStart = new Set<bigint>();
  /** Changes of one node are taken up one after the other: a name may have to be looked up first, and that may take long. */
  readonly #changes = new KeyedLock();
  readonly #applying = new Set<Promise<void>>();
  readonly #lookups = new Limit(MAX_RUNNING_LOOKUPS, MAX_KNOWN);
  #revision = 0;
  #lease: string | undefined;
  /** Etcd has taken this run's boot. */
  #announced = false;
  /** What is heard from now on is no older than that: another boot is not one of an earlier run, whose lease still holds. */
  #bootSeen = false;
  #leaving = false;
  #weight: number;
  #tasks: Promise<void>[] = [];

  constructor(
    private readonly options: EtcdMembershipOptions,
    private readonly seams: EtcdMembershipSeams,
  ) {
    setMaxListeners(0, this.#closing.signal); // one for each name that is looked up
    this.#weight = options.weight;
    this.#table = new PeerTable(seams.facts);
    this.#listeners = new MembershipListeners(seams.log);
    this.#doubts = new Doubts(options.id, options.settings, seams.log);
    this.#boot = seams.random.bits64().toString(16).padStart(16, '0');
  }

  async start(): Promise<void> {
    await this.#table.load(() => true, this.seams.clock.monotonic());
    await this.#table.remove(this.options.id);
    this.#tasks = [this.#repeat(() => this.#register()), this.#repeat(() => this.#follow())];
  }

  async close(): Promise<void> {
    this.#listeners.close();
    this.#closing.abort();
    await Promise.allSettled([...this.#tasks, ...this.#applying]);
  }

  /** Where the others are stands in etcd. */
  addContact(): void {}

  reweigh(weight: number): void {
    this.#weight = weight;
    // Where that fails, it is said again when the lease is next kept alive.
    this.seams.etcd.put(this.#memberKey(this.options.id), encodeEntry(this.#self())).catch(() => {});
  }

  async leave(): Promise<void> {
    this.#leaving = true;
    try {
      await this.seams.etcd.put(this.#memberKey(this.options.id), encodeEntry(this.#self()));
    } catch (error) {
      this.#leaving = false; // the others may have it otherwise: this node says so again with its next lease
      throw error;
    }
    if (this.#lease !== undefined) await this.seams.etcd.revokeLease(this.#lease);
  }

  members(): Member[] {
    return this.#table.members();
  }

  peers(): Peer[] {
    return [...this.#table.all()];
  }

  /** Of the last change of who the members are, in whatever order it was heard of; that one is away is no such change. */
  revision(): number {
    return this.#revision;
  }

  conflicts(): string[] {
    return this.#doubts.conflicts();
  }

  warnings(): string[] {
    return this.#doubts.warnings();
  }

  on(listener: Parameters<Membership['on']>[0]): () => void {
    return this.#listeners.on(listener);
  }

  /** Does `work` again whenever it ends or fails, after a pause that grows while it fails. */
  async #repeat(work: () => Promise<void>): Promise<void> {
    const { clock, log, random } = this.seams;
    const { signal } = this.#closing;
    let pauseMs = FIRST_PAUSE_MS;
    let told = false;
    while (!signal.aborted) {
      const startedMs = clock.monotonic();
      try {
        await work();
        told = false;
      } catch (error) {
        if (signal.aborted) return;
        if (!told) log.warn({}, `${(error as Error).message} It is tried again.`);
        told = true;
      }
      pauseMs =
        clock.monotonic() - startedMs > LONGEST_PAUSE_MS ? FIRST_PAUSE_MS : Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      await sleep(clock, pauseMs * (0.5 + random.unit()), signal).catch(() => {});
    }
  }

  /** Says who this node is, and that it runs, for as long as the lease can be kept alive. */
  async #register(): Promise<void> {
    const { etcd, clock } = this.seams;
    if (this.#leaving) return;
    const { id, leaseSeconds } = this.options;
    await this.#introduce();
    const lease = await etcd.grantLease(leaseSeconds);
    this.#lease = lease;
    await etcd.put(this.#runningKey(id), this.#boot, lease);
    this.#announced = true;
    const { signal } = this.#closing;
    while (!signal.aborted && !this.#leaving) {
      await sleep(clock, (1000 * leaseSeconds) / KEEPS_A_LEASE, signal).catch(() => {});
      if (signal.aborted || this.#leaving) return;
      if (!(await etcd.keepAlive(lease))) return;
      await this.#introduce();
    }
  }

  async #introduce(): Promise<void> {
    const { etcd } = this.seams;
    const key = this.#memberKey(this.options.id);
    const own = encodeEntry(this.#self());
    const { entry } = await etcd.get(key);
    if (entry?.value !== own) await etcd.put(key, own);
  }

  /** Reads what there is, and then every change, until the connection ends or its time is over. */
  async #follow(): Promise<void> {
    const { etcd, clock } = this.seams;
    if (this.#announced) this.#bootSeen = true;
    // Apart, or nodes that left long ago could leave no room for those that run.
    const running = await etcd.list(this.#runningPrefix, MAX_RUNNING);
    const known = await etcd.list(this.#memberPrefix, MAX_KNOWN);
    const seen = new Set(running.entries.map(({ key }) => key));
    for (const id of [...this.#running.keys()]) if (!seen.has(this.#runningKey(id))) this.#onStopped(id);
    for (const entry of [...running.entries, ...known.entries]) this.#onPut(entry);
    if (this.#closing.signal.aborted) return;
    const watching = new AbortController();
    const stop = () => watching.abort();
    const stopTimer = clock.after(WATCH_FOR_MS, stop);
    this.#closing.signal.addEventListener('abort', stop, { once: true });
    try {
      for await (const { events, compacted } of etcd.watch(this.#prefix, running.revision + 1, watching.signal)) {
        for (const event of events) {
          if (event.kind === 'put') this.#onPut(event.entry);
          else if (event.key.startsWith(this.#runningPrefix)) this.#onStopped(idOf(event.key));
        }
        if (compacted) return;
      }
    } catch (error) {
      if (!watching.signal.aborted) throw error;
    } finally {
      stopTimer();
      this.#closing.signal.removeEventListener('abort', stop);
    }
  }

  #onPut({ key, value, modRevision }: EtcdEntry): void {
    const id = idOf(key);
    if (key.startsWith(this.#runningPrefix)) {
      if (id === this.options.id) this.#onOwn(value);
      this.#running.set(id, value);
    } else {
      const entry = decodeEntry(value);
      if (!entry) return;
      this.#entries.set(id, entry);
      this.#revision = Math.max(this.#revision, modRevision);
    }
    this.#apply(id);
  }

  #onStopped(id: bigint): void {
    this.#running.delete(id);
    this.#apply(id);
  }

  /** Another run has put its boot over this one's: a copy of the data folder, which shall hear of this one too. */
  #onOwn(boot: string): void {
    if (boot === this.#boot) this.#bootSeen = true;
    else if (this.#bootSeen && this.#lease !== undefined && this.#doubts.conflicts().length === 0)
      this.#onTwin(this.#lease);
  }

  #onTwin(lease: string): void {
    this.#doubts.onTwinOfSelf();
    this.seams.etcd.put(this.#runningKey(this.options.id), this.#boot, lease).catch(() => {});
  }

  #apply(id: bigint): void {
    if (id === this.options.id) return;
    const applying = this.#changes
      .run(id, () => this.#take(id))
      .catch((error) => {
        this.seams.log.warn({ error: String(error) }, 'What etcd says of a node could not be taken up.');
      })
      .finally(() => this.#applying.delete(applying));
    this.#applying.add(applying);
  }

  async #take(id: bigint): Promise<void> {
    const entry = this.#entries.get(id);
    if (!entry || this.#closing.signal.aborted) return;
    if (!this.#table.get(id) && entry.left) return;
    const found = await this.#addressOf(id, entry);
    const known = this.#table.get(id);
    const address = found ?? known?.address;
    if (!address || this.#closing.signal.aborted) return;
    const now = this.seams.clock.monotonic();
    const { contact, weight, zone, standby } = entry;
    const fresh = { state: 'unknown', suspect: false, incarnation: 0, awaySinceMs: undefined } as const;
    const member = known ?? this.#table.add({ id, contact, address, weight, zone, standby, ...fresh });
    if (!member) return;
    const changed = member.weight !== weight || member.zone !== zone || member.standby !== standby;
    Object.assign(member, { contact, weight, zone, standby });
    if (contactText(member.address) !== contactText(address)) this.#table.move(member, address);
    this.#doubts.onSettings(member, entry.settings);
    const before = member.state;
    member.state = entry.left ? 'left' : this.#running.has(id) ? 'alive' : 'away';
    if (member.state === 'alive') {
      member.awaySinceMs = undefined;
      member.lastSeenMs = now;
    } else if (before === 'alive' || before === 'unknown') member.awaySinceMs = now;
    await (entry.left ? this.#table.forget(id) : this.#table.remember(member));
    this.#tell(member, before, changed && before !== 'unknown');
  }

  /**
   * Undefined where its name leads nowhere: with some resolvers that of a node is gone as soon as the node is. Also when
   * this node closes, which does not wait for a name server.
   */
  async #addressOf(id: bigint, { contact, left }: NodeEntry): Promise<Address | undefined> {
    if (isIP(contact.host)) return contact;
    const reached = this.#running.has(id) && !left;
    if (!reached && this.#table.get(id)) return undefined; // it stays where it was last
    try {
      const lookup = this.#lookups.run(() => this.seams.resolve(contact));
      return (await unlessAborted(lookup, this.#closing.signal))?.[0];
    } catch (error) {
      const facts = { peer: contactText(contact), error: String(error) };
      if (this.#running.has(id)) this.seams.log.warn(facts, 'A node in etcd has a name that leads nowhere.');
      return undefined;
    }
  }

  #tell(member: Member, before: Peer['state'], changed: boolean): void {
    const { log } = this.seams;
    const facts = { peer: contactText(member.contact), id: member.id.toString(16).padStart(16, '0') };
    if (changed && member.state !== 'left') this.#listeners.emit({ kind: 'changed', member });
    if (member.state === before) return;
    if (member.state === 'alive') {
      const first = !this.#answeredSinceStart.has(member.id);
      this.#answeredSinceStart.add(member.id);
      log.info(facts, 'A peer runs.');
      this.#listeners.emit({ kind: 'alive', member, first });
    } else if (member.state === 'left') {
      this.#doubts.onGone(member.id);
      log.info(facts, 'A peer has left the cluster.');
      this.#listeners.emit({ kind: 'left', member });
    } else if (before === 'alive') {
      log.info(facts, 'A peer does not run any more.');
      this.#listeners.emit({ kind: 'away', member });
    }
  }

  #self(): NodeEntry {
    const { advertised, zone, standby, settings } = this.options;
    return {
      contact: advertised ?? this.seams.rain.address,
      weight: this.#weight,
      zone,
      standby,
      left: this.#leaving,
      settings,
    };
  }

  get #prefix(): string {
    return `${this.options.prefix}/nodes/`;
  }

  get #memberPrefix(): string {
    return `${this.#prefix}member/`;
  }

  get #runningPrefix(): string {
    return `${this.#prefix}running/`;
  }

  #runningKey(id: bigint): string {
    return `${this.#runningPrefix}${id.toString(16).padStart(16, '0')}`;
  }

  #memberKey(id: bigint): string {
    return `${this.#memberPrefix}${id.toString(16).padStart(16, '0')}`;
  }
}

/** The id at the end of a key; 0 for a key of somebody else. */
function idOf(key: string): bigint {
  const digits = /\/([0-9a-f]{16})$/.exec(key)?.[1];
  return digits === undefined ? 0n : BigInt(`0x${digits}`);
}

/** Undefined once `signal` aborts. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const onAbort = () => resolve(undefined);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
