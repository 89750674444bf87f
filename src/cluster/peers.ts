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
  /** In ascending order; made when it is needed. */
  #ids: BigUint64Array | undefined;
  /** What is in the store, or on its way there, so that it is written only where it changes. */
  readonly #kept = new Map<bigint, { readonly value: Buffer; readonly written: Promise<void> }>();

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

  /** Greater ids, in ascending order. */
  *idsAfter(after: bigint): Generator<bigint> {
    this.#ids ??= BigUint64Array.from(this.#members.keys()).sort();
    const ids = this.#ids;
    let [from, to] = [0, ids.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (ids[middle]! > after) to = middle;
      else from = middle + 1;
    }
    yield* ids.subarray(from);
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
    if (this.size >= MAX_PEERS && !this.#dropOneThatLeft()) return undefined;
    this.#members.set(member.id, member);
    this.#ids = undefined;
    this.#place(member);
    return member;
  }

  async remove(id: bigint): Promise<void> {
    this.#drop(id);
    await this.forget(id);
  }

  /** Is not to be known at the next start. */
  async forget(id: bigint): Promise<void> {
    this.#kept.delete(id);
    await this.facts.delete(nameOf(id));
  }

  /** Keeps who this is for the next start, and that it has left; durable when it resolves. */
  remember(member: Member): Promise<void> {
    const { incarnation, state } = member;
    const belief: Belief = state === 'left' ? { incarnation, status: 'left' } : { incarnation: 0, status: 'away' };
    const value = Buffer.concat([encodeRecord({ ...member, ...belief, ageMs: 0 }), encodeContact(member.address)]);
    const before = this.#kept.get(member.id);
    if (before?.value.equals(value)) return before.written;
    const written = this.facts.put(nameOf(member.id), value);
    this.#kept.set(member.id, { value, written });
    written.catch(() => {
      // What is on the disk is not known.
      if (this.#kept.get(member.id)?.value === value) this.#kept.delete(member.id);
    });
    return written;
  }

  /**
   * Takes up those that an earlier run remembered and that have left, or are `wanted`: as away, and whatever is said of
   * them is newer.
   */
  async load(wanted: (contact: Contact, address: Address) => boolean, nowMs: number): Promise<void> {
    const stale: string[] = [];
    for await (const [key, value] of this.facts.entries(PREFIX)) {
      const kept = decodeKept(value);
      const left = kept?.record.status === 'left';
      if (!kept || !(left || wanted(kept.record.contact, kept.address))) {
        stale.push(key);
        continue;
      }
      const { id, contact, weight, zone, standby, incarnation } = kept.record;
      const state = { state: left ? 'left' : 'away', suspect: false, incarnation, awaySinceMs: nowMs } as const;
      if (!this.add({ id, contact, address: kept.address, weight, zone, standby, ...state })) stale.push(key);
    }
    for (const key of stale) await this.facts.delete(key);
  }

  #dropOneThatLeft(): boolean {
    for (const member of this.#members.values()) {
      if (member.state !== 'left') continue;
      this.remove(member.id).catch(() => {}); // a start drops it where there is no room for it
      return true;
    }
    return false;
  }

  #drop(id: bigint): void {
    const member = this.#members.get(id);
    if (member) this.#unplace(member);
    this.#members.delete(id);
    this.#ids = undefined;
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
