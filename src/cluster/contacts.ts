import { isIP } from 'node:net';
import type { Address } from '../rain/contract.js';
import type { Log } from '../seam/log.js';
import { type Contact, contactText, sameAddress } from './contact.js';
import type { Resolve } from './membership.js';

/** Where other nodes may be found: from the servers list, or discovered on the network. */
export interface ContactEntry {
  readonly contact: Contact;
  /** What the name resolved to last; the contact itself where it is numeric. */
  addresses: readonly Address[];
  /** Who answers at which of the addresses. */
  readonly ids: Map<string, bigint>;
  dueAtMs: number;
  pauseMs: number;
  /** Its silence has been told. */
  told: boolean;
}

/** Enough for any cluster to be found; the others are learned from these. */
export const MAX_CONTACTS = 1024;
/** Of one name. */
export const MAX_ADDRESSES = 16;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 5000;
/** A name that leads to nodes may come to lead to more. */
const RESOLVE_AGAIN_MS = 60_000;

/** The first contacts of a node, each tried again, with growing pauses, until a node answers there. */
export class Contacts {
  readonly #entries = new Map<string, ContactEntry>();
  /** Those of the entries that are no numeric addresses. */
  readonly #names: ContactEntry[] = [];
  /** Where this node itself answers. */
  readonly #own: Set<string>;

  constructor(
    private readonly seams: { readonly resolve: Resolve; readonly log: Log },
    own: readonly Contact[],
    /** A node with this id is alive. */
    private readonly alive: (id: bigint) => boolean,
  ) {
    this.#own = new Set(own.map(contactText));
  }

  add(contact: Contact, nowMs: number): void {
    const name = contactText(contact);
    if (this.#entries.has(name) || this.#entries.size >= MAX_CONTACTS || this.#own.has(name)) return;
    const addresses = isIP(contact.host) ? [contact] : [];
    const entry = { contact, addresses, ids: new Map(), dueAtMs: nowMs, pauseMs: FIRST_PAUSE_MS, told: false };
    this.#entries.set(name, entry);
    if (addresses.length === 0) this.#names.push(entry);
  }

  /** The entry that leads to where a node was heard from, or by which it wants to be reached. */
  at(address: Address, advertised?: Contact): ContactEntry | undefined {
    const named = this.#entries.get(contactText(advertised ?? address)) ?? this.#entries.get(contactText(address));
    if (named) return named;
    for (const entry of this.#names) {
      if (entry.addresses.some((one) => sameAddress(one, address))) return entry;
    }
    return undefined;
  }

  /** Those where nobody has answered, for a status. */
  unanswered(): ContactEntry[] {
    return [...this.#entries.values()].filter(({ ids, addresses }) => {
      return ids.size === 0 && !addresses.some((address) => this.#own.has(contactText(address)));
    });
  }

  /** Up to `limit` that are to be tried now, those that wait longest first. */
  due(nowMs: number, limit: number): ContactEntry[] {
    const due = [...this.#entries.values()].filter((entry) => entry.dueAtMs <= nowMs && this.#wanted(entry));
    return due.sort((a, b) => a.dueAtMs - b.dueAtMs).slice(0, limit);
  }

  /** Where to try: its addresses at which nobody is alive. A name is resolved for it. */
  async addressesOf(entry: ContactEntry, nowMs: number): Promise<Address[]> {
    entry.dueAtMs = nowMs + entry.pauseMs;
    entry.pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * entry.pauseMs);
    if (!isIP(entry.contact.host)) {
      entry.addresses = (await this.seams.resolve(entry.contact)).slice(0, MAX_ADDRESSES);
      const now = new Set(entry.addresses.map(contactText));
      for (const name of entry.ids.keys()) if (!now.has(name)) entry.ids.delete(name);
      if (entry.addresses.length > 0 && entry.addresses.every((one) => this.#answersAt(entry, one))) {
        entry.dueAtMs = nowMs + RESOLVE_AGAIN_MS;
      }
    }
    return entry.addresses.filter((one) => !this.#answersAt(entry, one));
  }

  onAnswer(entry: ContactEntry, address: Address, id: bigint): void {
    entry.ids.set(contactText(address), id);
    entry.pauseMs = FIRST_PAUSE_MS;
  }

  onSilence(entry: ContactEntry, reason: string): void {
    if (entry.told || entry.ids.size > 0) return;
    entry.told = true;
    this.seams.log.info(
      { peer: contactText(entry.contact), reason },
      'A listed server does not answer yet; it may be down, out of reach, or have another cluster key.',
    );
  }

  /** This node itself answers there: another one that was there is gone, and its disk with it. */
  leadsHere(address: Contact): boolean {
    return this.#own.has(contactText(address));
  }

  /** This address leads back to this node; at most as many are kept as there may be addresses of one name. */
  onOwn(entry: ContactEntry, address: Address): void {
    if (this.#own.size < MAX_ADDRESSES) this.#own.add(contactText(address));
    if (isIP(entry.contact.host)) this.#entries.delete(contactText(entry.contact));
  }

  #wanted(entry: ContactEntry): boolean {
    return !isIP(entry.contact.host) || !this.#answersAt(entry, entry.contact);
  }

  #answersAt(entry: ContactEntry, address: Contact): boolean {
    if (this.#own.has(contactText(address))) return true;
    const id = entry.ids.get(contactText(address));
    return id !== undefined && this.alive(id);
  }
}
