import { MurkyError } from '../errors.js';
import type { Address } from '../rain/contract.js';
import type { FactStore } from '../store/contract.js';
import { type Contact, contactText, decodeContact, encodeContact } from './contact.js';
import { type Belief, decodeRecord, encodeRecord } from './member-record.js';
import { OctetReader } from './octets.js';
import type { Settings } from './settings.js';

/** unknown: has never answered; alive: counts as running; away: has failed; left: gone for good. */
export type PeerState = 'unknown' | 'alive' | 'away' | 'left';

/** Another node as this one knows it. */
export interface Peer {
  /** How a person knows it: as listed, as it advertises itself, or where it was heard from. */
  contact: Contact;
  /** Where it wants to be reached, if it says so. */
  advertised?: Contact;
  /** Where it is reached, numeric. */
  address?: Address;
  id?: bigint;
  boot?: bigint;
  /** Of what it said before the last change of boot. */
  previousBoot?: bigint;
  weight: number;
  /** Nodes of one zone fail together; may be empty. */
  zone: string;
  /** Owns nothing until it takes the place of one that is gone. */
  standby: boolean;
  /** How often the node has spoken for itself: what is said with a greater one is newer. */
  incarnation: number;
  state: PeerState;
  /** Did not answer the last time, and counts as alive until it is sure that it is away. */
  suspect: boolean;
  suspectSinceMs?: number | undefined;
  /** Monotonic milliseconds since when it is not alive, as far as this node knows, which may be its own start. */
  awaySinceMs: number | undefined;
  /** Monotonic milliseconds of the last message from itself since this node started. */
  lastSeenMs?: number;
  roundTripMs?: number;
  /** How far its wall clock is ahead of this node's; undefined while it was not measured. */
  clockSkewMs?: number;
  settings?: Settings;
}

/** A node that has said who it is, now or before a restart, and has not left. */
export type Member = Peer & { id: bigint; address: Address };

export const MAX_PEERS = 1024;
const PREFIX = 'peer/';

/** All other nodes by id, remembered in the store so that a restarted node knows who owns what. */
export class PeerTable {
  readonly #members = new Map<bigint, Member>();
  readonly #byAddress = new Map<string, Set<Member>>();
  /** What is in the store, so that it is written only where it changes. */
  readonly #kept = new Map<bigint, Buffer>();

  constructor(private readonly facts: FactStore) {}

  get size(): number {
    return this.#members.size;
  }

  get(id: bigint): Member | undefined {
    return this.#members.get(id);
  }

  /** Those that have left, too. */
  all(): IterableIterator<Member> {
    return this.#members.values();
  }

  members(): Member[] {
    const members: Member[] = [];
    for (const member of this.#members.values()) if (member.state !== 'left') members.push(member);
    return members;
  }

  /** Those that have not left and were last reached there. */
  at(address: Address): Member[] {
    return [...(this.#byAddress.get(contactText(address)) ?? [])].filter(({ state }) => state !== 'left');
  }

  move(member: Member, to: Address): void {
    this.#unplace(member);
    member.address = to;
    this.#place(member);
  }

  /** Undefined when the table is full, and nobody in it has left. */
  add(member: Member): Member | undefined {
    if (this.size >= MAX_PEERS && !this.#forgetOneThatLeft()) return undefined;
    this.#members.set(member.id, member);
    this.#place(member);
    return member;
  }

  async remove(id: bigint): Promise<void> {
    this.#drop(id);
    await this.forget(id);
  }

  /** Keeps who this is for the next start. */
  async remember(member: Member): Promise<void> {
    const record = encodeRecord({ ...member, incarnation: 0, status: 'away', ageMs: 0 });
    const value = Buffer.concat([record, encodeContact(member.address)]);
    if (this.#kept.get(member.id)?.equals(value)) return;
    this.#kept.set(member.id, value);
    await this.facts.put(nameOf(member.id), value);
  }

  async forget(id: bigint): Promise<void> {
    this.#kept.delete(id);
    await this.facts.delete(nameOf(id));
  }

  /** Takes up those that an earlier run remembered and that are `wanted`, as away: whatever is said of them is newer. */
  async load(wanted: (contact: Contact, address: Address) => boolean, nowMs: number): Promise<void> {
    const stale: string[] = [];
    for await (const [key, value] of this.facts.entries(PREFIX)) {
      const kept = decodeKept(value);
      if (!kept || !wanted(kept.record.contact, kept.address)) {
        stale.push(key);
        continue;
      }
      const { id, contact, weight, zone, standby } = kept.record;
      const state = { state: 'away', suspect: false, incarnation: 0, awaySinceMs: nowMs } as const;
      this.add({ id, contact, address: kept.address, weight, zone, standby, ...state });
    }
    for (const key of stale) await this.facts.delete(key);
  }

  #forgetOneThatLeft(): boolean {
    for (const member of this.#members.values()) {
      if (member.state !== 'left') continue;
      this.#drop(member.id);
      return true;
    }
    return false;
  }

  #drop(id: bigint): void {
    const member = this.#members.get(id);
    if (member) this.#unplace(member);
    this.#members.delete(id);
  }

  #place(member: Member): void {
    const name = contactText(member.address);
    const there = this.#byAddress.get(name);
    if (there) there.add(member);
    else this.#byAddress.set(name, new Set([member]));
  }

  #unplace(member: Member): void {
    const name = contactText(member.address);
    const there = this.#byAddress.get(name);
    there?.delete(member);
    if (there?.size === 0) this.#byAddress.delete(name);
  }
}

/** What this node holds of another one. */
export function beliefOf(member: Peer): Belief {
  const { incarnation, suspect, state } = member;
  if (state === 'unknown') return { incarnation, status: 'away' };
  return { incarnation, status: state === 'alive' && suspect ? 'suspect' : state };
}

function nameOf(id: bigint): string {
  return PREFIX + id.toString(16).padStart(16, '0');
}

function decodeKept(bytes: Uint8Array) {
  try {
    const reader = new OctetReader(bytes, 'A remembered peer');
    const record = decodeRecord(reader);
    const address = decodeContact(reader);
    reader.end();
    return { record, address };
  } catch (error) {
    if (error instanceof MurkyError) return undefined;
    throw error;
  }
}
