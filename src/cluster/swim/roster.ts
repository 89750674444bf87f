import { isIP } from 'node:net';
import type { Address } from '../../rain/contract.js';
import type { Clock } from '../../seam/clock.js';
import type { Log } from '../../seam/log.js';
import { type Contact, contactText, isLoopback, sameAddress } from '../contact.js';
import type { Contacts } from '../contacts.js';
import { type Belief, type MemberRecord, supersedes } from '../member-record.js';
import type { Resolve } from '../membership.js';
import type { MembershipListeners } from '../membership-listeners.js';
import { beliefOf, type Member, type PeerTable } from '../peers.js';
import { Digest } from './digest.js';
import { Gossip } from './gossip.js';
import type { SelfRecord } from './ping-message.js';

interface RosterSeams {
  readonly clock: Clock;
  readonly log: Log;
  readonly resolve: Resolve;
  readonly listeners: MembershipListeners;
}

interface RosterOptions {
  readonly selfId: bigint;
  readonly periodMs: number;
  readonly autoAddPeers: boolean;
}

/** A suspect has so many periods to contradict, and more in a larger cluster, as its word takes longer to get round. */
const LEAST_SUSPICION_PERIODS = 3;
const SUSPICION_PERIODS_PER_DECADE = 1.2;
const MAX_RESOLVING = 16;
/** What is said of one that left is remembered for so long, lest old news brings it back. */
const LEFT_KEPT_MS = 24 * 3600 * 1000;

/** What this node holds of the others, by what they and others say: the state machine of SWIM. */
export class Roster {
  readonly digest = new Digest();
  readonly gossip = new Gossip(() => this.aliveCount + 1);
  /** Members that this node itself has doubted, and not only heard to be doubted. */
  readonly doubted = new Set<Member>();
  /** Members at whose address another node has answered since they last spoke for themselves. */
  readonly #displaced = new Set<Member>();
  readonly #suspicions = new Map<Member, () => void>();
  readonly #answeredSinceStart = new Set<bigint>();
  #resolving = 0;
  /** Alive, suspects too. */
  aliveCount = 0;
  /** What others say of this node itself. */
  onSelf: (belief: Belief) => void = () => {};

  constructor(
    private readonly table: PeerTable,
    private readonly contacts: Contacts,
    private readonly options: RosterOptions,
    private readonly seams: RosterSeams,
  ) {}

  async load(): Promise<void> {
    const { autoAddPeers, selfId } = this.options;
    const wanted = (contact: Contact, address: Address) =>
      !this.contacts.leadsHere(address) && (autoAddPeers || this.contacts.at(address, contact) !== undefined);
    await this.table.load(wanted, this.seams.clock.monotonic());
    if (this.table.get(selfId)) await this.table.remove(selfId);
    for (const member of this.table.all()) this.digest.add(member.id, beliefOf(member));
  }

  close(): void {
    for (const cancel of this.#suspicions.values()) cancel();
    this.#suspicions.clear();
  }

  get(id: bigint): Member | undefined {
    return this.table.get(id);
  }

  members(): Member[] {
    return this.table.members();
  }

  /** Alive, suspects too. */
  alive(): Member[] {
    return this.table.members().filter(({ state }) => state === 'alive');
  }

  /** For a node that is not known: nothing that it would have to contradict. */
  beliefOf(id: bigint): Belief {
    const member = this.table.get(id);
    return member && member.incarnation > 0 ? beliefOf(member) : { incarnation: 0, status: 'alive' };
  }

  /** Of all members and this node itself. */
  digestWith({ id, incarnation, left }: SelfRecord): bigint {
    return this.digest.with(id, { incarnation, status: left ? 'left' : 'alive' });
  }

  /** What is told of a node, to someone at `to`; undefined where it is nothing to anyone there. */
  record(id: bigint, to: Address): MemberRecord | undefined {
    const member = this.table.get(id);
    if (!member || member.incarnation === 0) return undefined; // from an earlier run: not heard of since
    // What is listed by a name here may have none elsewhere; what a node advertises is its word to all.
    const contact = member.advertised ?? member.address;
    if (isLoopback(contact.host) && !isLoopback(to.host)) return undefined;
    const { weight, zone, standby, awaySinceMs, suspectSinceMs } = member;
    const since = suspectSinceMs ?? awaySinceMs;
    const ageMs = since === undefined ? 0 : this.seams.clock.monotonic() - since;
    return { id, ...beliefOf(member), ageMs, weight, zone, standby, contact };
  }

  /** What is told to someone at `to` of nodes with greater ids than `after`, in the order of their ids. */
  *records(after: bigint, to: Address): Generator<MemberRecord> {
    for (const id of this.table.idsAfter(after)) {
      const record = this.record(id, to);
      if (record) yield record;
    }
  }

  /**
   * Takes up what someone at `from` says of another node. What comes of reading a whole list is not passed on where it is
   * new to this node alone.
   */
  learn(record: MemberRecord, from: Address, listed = false): void {
    if (record.id === this.options.selfId) {
      this.onSelf(record);
      return;
    }
    const known = this.table.get(record.id);
    if (known) {
      if (!supersedes(record, beliefOf(known))) return;
    } else if (!this.options.autoAddPeers || record.status === 'left') return;
    const { contact } = record;
    if (isLoopback(contact.host) && !isLoopback(from.host)) return;
    const old = listed && (known?.incarnation ?? 0) === 0;
    if (isIP(contact.host)) this.#take(record, contact);
    else if (known?.advertised && sameAddress(known.advertised, contact)) this.#take(record, known.address);
    else void this.#resolveAndTake(record);
    if (old) this.gossip.forget(record.id);
  }

  /** Takes up what a node says of itself; `asked` if it was asked there. Undefined for one that does not count. */
  heard(self: SelfRecord, from: Address, asked: boolean): Member | undefined {
    const now = this.seams.clock.monotonic();
    const entry = this.contacts.at(from, self.advertised);
    let member = this.table.get(self.id);
    const belief: Belief = { incarnation: self.incarnation, status: self.left ? 'left' : 'alive' };
    const isNews = !member || supersedes(belief, beliefOf(member));
    if (!member) {
      if (!(this.options.autoAddPeers || entry)) return undefined;
      member = this.#add(self, self.advertised ?? from, from);
      if (!member) return undefined;
    }
    if (entry) {
      this.contacts.onAnswer(entry, from, self.id);
      member.contact = entry.contact;
    }
    member.lastSeenMs = now;
    // What it said before it moved may arrive after what it said from there.
    const moved = !sameAddress(member.address, from) && self.incarnation >= member.incarnation;
    if (moved && (isNews || asked || member.suspect || member.state !== 'alive')) {
      this.table.move(member, from);
      this.#displaced.delete(member);
      if (!isNews) this.#keep(this.table.remember(member));
    }
    if (!isNews) return member;
    this.#describe(member, self);
    if (self.advertised) member.advertised = self.advertised;
    else delete member.advertised;
    if (!entry) member.contact = self.advertised ?? from;
    this.#set(member, belief, 0);
    // Its goodbye may be the first word from there.
    if (self.left) for (const other of this.table.at(from)) this.#displace(other, member.contact);
    return member;
  }

  /** A member does not answer. */
  doubt(member: Member): void {
    if (member.state !== 'alive' || this.table.get(member.id) !== member) return;
    this.doubted.add(member);
    if (!member.suspect) this.#set(member, { incarnation: member.incarnation, status: 'suspect' }, 0);
  }

  /** Resolves when it outlasts this node's run that a member leaves, before that is taken up. */
  async noteGoodbye({ id, incarnation }: SelfRecord): Promise<void> {
    const member = this.table.get(id);
    if (!member || !supersedes({ incarnation, status: 'left' }, beliefOf(member))) return;
    await this.table.remember({ ...member, incarnation, state: 'left' });
  }

  /** Resolves when what is held of a member outlasts this node's run. */
  async kept(member: Member): Promise<void> {
    await this.table.remember(member);
  }

  /** Forgets who left long ago. */
  tidy(): void {
    const now = this.seams.clock.monotonic();
    for (const member of this.table.all()) {
      if (member.state !== 'left' || now - (member.awaySinceMs ?? 0) < LEFT_KEPT_MS) continue;
      this.gossip.forget(member.id);
      this.#keep(this.table.remove(member.id));
    }
  }

  async #resolveAndTake(record: MemberRecord): Promise<void> {
    if (this.#resolving >= MAX_RESOLVING) return; // told again, by others or in a synchronisation
    this.#resolving += 1;
    try {
      const [address] = await this.seams.resolve(record.contact);
      const known = this.table.get(record.id);
      if (address && (!known || supersedes(record, beliefOf(known)))) this.#take(record, address);
    } catch (error) {
      this.seams.log.debug({ peer: contactText(record.contact), error: String(error) }, 'A peer is named in vain.');
    } finally {
      this.#resolving -= 1;
    }
  }

  #take(record: MemberRecord, address: Address): void {
    const member = this.table.get(record.id) ?? this.#add(record, record.contact, address);
    if (!member) return;
    if (record.incarnation > member.incarnation) {
      this.#describe(member, record);
      this.table.move(member, address);
      if (!isIP(record.contact.host)) member.advertised = record.contact;
      const entry = this.contacts.at(address, record.contact);
      member.contact = entry?.contact ?? record.contact;
    }
    this.#set(member, record, record.ageMs);
  }

  #add(about: Pick<SelfRecord, 'id' | 'weight' | 'zone' | 'standby'>, contact: Contact, address: Address) {
    const { id, weight, zone, standby } = about;
    const state = { state: 'unknown', suspect: false, incarnation: 0, awaySinceMs: undefined } as const;
    const member = this.table.add({ id, weight, zone, standby, contact, address, ...state });
    if (!member) this.seams.log.debug({ peer: contactText(contact) }, 'There is no room for another peer.');
    return member;
  }

  #describe(member: Member, { weight, zone, standby }: Pick<SelfRecord, 'weight' | 'zone' | 'standby'>): void {
    const changed = member.weight !== weight || member.zone !== zone || member.standby !== standby;
    member.weight = weight;
    member.zone = zone;
    member.standby = standby;
    if (changed && member.state === 'alive') this.seams.listeners.emit({ kind: 'changed', member });
  }

  /** The one place where what is held of a node changes. */
  #set(member: Member, belief: Belief, ageMs: number): void {
    const { clock } = this.seams;
    const before = member.state;
    const { status } = belief;
    if (before !== 'unknown') this.digest.remove(member.id, beliefOf(member));
    this.#suspicions.get(member)?.();
    this.#suspicions.delete(member);
    if (status !== 'suspect') this.doubted.delete(member);
    if (status === 'left' || belief.incarnation > member.incarnation) this.#displaced.delete(member);
    const since = clock.monotonic() - ageMs;
    member.incarnation = belief.incarnation;
    member.suspect = status === 'suspect';
    member.suspectSinceMs = member.suspect ? since : undefined;
    member.state = status === 'suspect' ? 'alive' : status;
    if (member.state === 'alive') member.awaySinceMs = undefined;
    else if (before === 'alive' || before === 'unknown') member.awaySinceMs = since;
    this.digest.add(member.id, beliefOf(member));
    this.gossip.add(member.id);
    this.aliveCount += (member.state === 'alive' ? 1 : 0) - (before === 'alive' ? 1 : 0);
    this.#keep(this.table.remember(member));
    if (member.suspect) this.#awaitWord(member, ageMs);
    this.#tell(member, before);
    if (member.state !== 'left') this.#settleAddress(member);
  }

  #tell(member: Member, before: Member['state']): void {
    if (member.state === before) return;
    const { log, listeners } = this.seams;
    const facts = { peer: contactText(member.contact), id: member.id.toString(16).padStart(16, '0') };
    if (member.state === 'alive') {
      const first = !this.#answeredSinceStart.has(member.id);
      this.#answeredSinceStart.add(member.id);
      log.info(facts, 'A peer answers.');
      listeners.emit({ kind: 'alive', member, first });
    } else if (member.state === 'left') {
      log.info(facts, 'A peer has left the cluster.');
      listeners.emit({ kind: 'left', member });
    } else if (before === 'alive') {
      log.info(facts, 'A peer does not answer any more.');
      listeners.emit({ kind: 'away', member });
    }
  }

  /**
   * Two nodes cannot be at one address: where another one answers, an earlier one is gone, its disk lost or emptied. It
   * may have moved, and has a suspect's time to say so; the other one may have left by then, or failed.
   */
  #settleAddress(member: Member): void {
    if (member.state === 'away' && (this.contacts.leadsHere(member.address) || this.#displaced.has(member))) {
      this.#replaced(member, member.contact);
      return;
    }
    for (const other of this.table.at(member.address)) {
      if (other === member) continue;
      const [gone, there] = member.state === 'alive' && !member.suspect ? [other, member] : [member, other];
      if (there.state === 'alive' && !there.suspect) this.#displace(gone, there.contact);
    }
  }

  #displace(gone: Member, by: Contact): void {
    if (gone.state === 'alive') {
      this.#displaced.add(gone);
      this.doubt(gone);
    } else this.#replaced(gone, by);
  }

  #replaced(gone: Member, by: Contact): void {
    this.seams.log.warn({ peer: contactText(by) }, 'A peer has come back as a new node.');
    this.#set(gone, { incarnation: gone.incarnation, status: 'left' }, 0);
  }

  #awaitWord(member: Member, ageMs: number): void {
    const decades = Math.log10(this.aliveCount + 1);
    const periods = Math.max(LEAST_SUSPICION_PERIODS, SUSPICION_PERIODS_PER_DECADE * decades);
    const leftMs = Math.max(0, periods * this.options.periodMs - ageMs);
    const cancel = this.seams.clock.after(leftMs, () => {
      this.#suspicions.delete(member);
      this.#set(member, { incarnation: member.incarnation, status: 'away' }, 0);
    });
    this.#suspicions.set(member, cancel);
  }

  #keep(written: Promise<void>): void {
    written.catch((error) =>
      this.seams.log.warn({ error: String(error) }, 'What is known of peers could not be kept.'),
    );
  }
}
