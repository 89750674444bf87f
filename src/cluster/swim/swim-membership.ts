import type { RainNetwork } from '../../rain/contract.js';
import type { Clock } from '../../seam/clock.js';
import type { Log } from '../../seam/log.js';
import type { Random } from '../../seam/random.js';
import type { FactStore } from '../../store/contract.js';
import { type Contact, contactText } from '../contact.js';
import { type ContactEntry, Contacts } from '../contacts.js';
import { Doubts } from '../doubts.js';
import type { Membership, Resolve } from '../membership.js';
import { MembershipListeners } from '../membership-listeners.js';
import { type Member, type Peer, PeerTable } from '../peers.js';
import type { Settings } from '../settings.js';
import { Exchange } from './exchange.js';
import { Goodbye } from './goodbye.js';
import { nextIncarnation } from './incarnation.js';
import { Prober } from './prober.js';
import { Roster } from './roster.js';
import { Synchroniser } from './synchroniser.js';
import { Turns } from './turns.js';

export interface SwimOptions {
  readonly id: bigint;
  readonly weight: number;
  readonly zone: string;
  readonly standby: boolean;
  readonly advertised?: Contact;
  readonly servers: readonly Contact[];
  readonly autoAddPeers: boolean;
  readonly settings: Settings;
}

export interface SwimSeams {
  readonly rain: RainNetwork;
  readonly facts: FactStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly resolve: Resolve;
}

/** SWIM's protocol period. */
export const PERIOD_MS = 1000;
/** While there is news it is told so often beside the probes: it then gets round within two periods. */
const NEWS_EVERY_MS = 200;
const KNOCK_TIMEOUT_MS = 1500;
/** Contacts and members that are away are tried so many a period: more while there is nobody else to talk to. */
const KNOCKS_A_PERIOD = 2;
const KNOCKS_WHEN_ALONE = 16;
/** A suspicion of this node is contradicted to so many. */
const CONTRADICTIONS = 6;

/**
 * Membership by gossip: SWIM (Das, Gupta, Motivala, "SWIM: scalable weakly-consistent infection-style process group
 * membership protocol", DSN 2002). What each node sends in a period does not depend on how many there are.
 */
export class SwimMembership implements Membership {
  readonly #table: PeerTable;
  readonly #listeners: MembershipListeners;
  readonly #contacts: Contacts;
  readonly #roster: Roster;
  readonly #doubts: Doubts;
  readonly #exchange: Exchange;
  readonly #prober: Prober;
  readonly #synchroniser: Synchroniser;
  readonly #goodbye: Goodbye;
  /** Of members that are away. */
  readonly #knocks = new Turns();
  readonly #timers = new Map<string, () => void>();
  /** Times that this node has still to tell that it is well. */
  #contradictions = 0;
  #closed = false;

  constructor(
    private readonly options: SwimOptions,
    private readonly seams: SwimSeams,
  ) {
    const { rain, log, facts, random } = seams;
    const { id: selfId, advertised, weight, zone, standby, settings, autoAddPeers } = options;
    this.#table = new PeerTable(facts);
    this.#listeners = new MembershipListeners(log);
    const own = [rain.address, ...(advertised ? [advertised] : [])];
    this.#contacts = new Contacts(seams, own, (other) => this.#table.get(other)?.state === 'alive');
    const rosterOptions = { selfId, periodMs: PERIOD_MS, autoAddPeers };
    this.#roster = new Roster(this.#table, this.#contacts, rosterOptions, { ...seams, listeners: this.#listeners });
    this.#synchroniser = new Synchroniser(this.#roster, seams);
    this.#doubts = new Doubts(selfId, settings, log);
    const self = { id: selfId, boot: random.bits64(), weight, zone, standby, ...(advertised && { advertised }) };
    this.#exchange = new Exchange(self, settings, autoAddPeers, this.#roster, this.#doubts, seams, {
      onDigest: (same, from) => {
        if (!this.#closed) this.#synchroniser.onDigest(same, from);
      },
      onSlander: () => {
        this.#contradictions = CONTRADICTIONS;
      },
    });
    this.#goodbye = new Goodbye(this.#roster, this.#exchange);
    this.#prober = new Prober(this.#roster, this.#exchange, PERIOD_MS, seams);
    this.#listeners.on((event) => {
      if (event.kind === 'alive') this.#prober.onAlive(event.member);
      else if (event.kind === 'left') this.#doubts.onGone(event.member.id);
    });
  }

  async start(): Promise<void> {
    const now = this.seams.clock.monotonic();
    for (const contact of this.options.servers) this.#contacts.add(contact, now);
    await this.#roster.load();
    this.#exchange.start(await nextIncarnation(this.seams.facts));
    this.#prober.start();
    this.#synchroniser.start();
    this.#knock();
    this.#every(
      'probe',
      () => this.#prober.pauseMs,
      () => void this.#prober.probe(),
    );
    this.#every(
      'knock',
      () => PERIOD_MS,
      () => this.#knock(),
    );
    this.#every(
      'news',
      () => NEWS_EVERY_MS,
      () => this.#tellNews(),
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.close();
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#roster.close();
  }

  reweigh(weight: number): void {
    this.#exchange.reweigh(weight);
  }

  leave(): Promise<void> {
    return this.#goodbye.say();
  }

  /** Another place where nodes may be found. */
  addContact(contact: Contact): void {
    this.#contacts.add(contact, this.seams.clock.monotonic());
  }

  members(): Member[] {
    return this.#roster.members();
  }

  peers(): Peer[] {
    const peers = [...this.#table.all()];
    // By name too: one that leads nowhere as long as the node is gone is still that of the node.
    const known = new Set(peers.flatMap(({ contact, address }) => [contactText(contact), contactText(address)]));
    const isKnown = (one: Contact) => known.has(contactText(one));
    const unanswered = this.#contacts
      .unanswered()
      .filter((entry) => ![entry.contact, ...entry.addresses].some(isKnown));
    const unknown = unanswered.map(
      ({ contact }): Peer => ({
        contact,
        weight: 0,
        zone: '',
        standby: false,
        incarnation: 0,
        state: 'unknown',
        suspect: false,
        awaySinceMs: undefined,
      }),
    );
    return [...peers, ...unknown];
  }

  /** Nodes can hold different views for a while: there is no one order of them. */
  revision(): undefined {}

  conflicts(): string[] {
    return this.#doubts.conflicts();
  }

  warnings(): string[] {
    return this.#doubts.warnings();
  }

  on(listener: Parameters<Membership['on']>[0]): () => void {
    return this.#listeners.on(listener);
  }

  /** Runs `work` again and again, at intervals of 0.9 to 1.1 times what `pauseMs` says: nodes do not fall into step. */
  #every(name: string, pauseMs: () => number, work: () => void): void {
    const { clock, random } = this.seams;
    const again = () => {
      if (this.#closed) return;
      const cancel = clock.after(pauseMs() * (0.9 + 0.2 * random.unit()), () => {
        work();
        again();
      });
      this.#timers.set(name, cancel);
    };
    again();
  }

  #tellNews(): void {
    if (this.#roster.gossip.quiet && this.#contradictions === 0) return;
    this.#contradictions = Math.max(0, this.#contradictions - 1);
    void this.#prober.tell();
  }

  /** Tries contacts where nobody has answered yet, and members that are away. */
  #knock(): void {
    this.#roster.tidy();
    const limit = this.#roster.aliveCount === 0 ? KNOCKS_WHEN_ALONE : KNOCKS_A_PERIOD;
    for (const entry of this.#contacts.due(this.seams.clock.monotonic(), limit)) void this.#tryContact(entry);
    const away = this.#roster.members().filter(({ state }) => state === 'away');
    for (const member of this.#knocks.next(away, limit)) {
      void this.#prober.reaches(member.address, member.id, KNOCK_TIMEOUT_MS);
    }
  }

  async #tryContact(entry: ContactEntry): Promise<void> {
    try {
      const addresses = await this.#contacts.addressesOf(entry, this.seams.clock.monotonic());
      await Promise.all(
        addresses.map(async (address) => {
          const { id, self, member, wasSlandered } = await this.#exchange.ping(address, 0n, KNOCK_TIMEOUT_MS);
          if (self) this.#contacts.onOwn(entry, address);
          else if (member) this.#contacts.onAnswer(entry, address, id);
          if (member && wasSlandered) await this.#exchange.ping(address, id, KNOCK_TIMEOUT_MS);
        }),
      );
    } catch (error) {
      if (!this.#closed) this.#contacts.onSilence(entry, error instanceof Error ? error.message : String(error));
    }
  }
}
