import { MurkyError } from '../errors.js';
import type { Address } from '../rain/contract.js';
import type { FactStore } from '../store/contract.js';
import { type Contact, contactText, decodeContact, encodeContact, sameAddress } from './contact.js';
import { MAX_WEIGHT } from './hello-message.js';
import { f64, OctetReader, u8, u64 } from './octets.js';
import { decodeZone, encodeZone } from './zone.js';

/** unknown: has never answered; alive: answered lately; away: known, and silent for a while; left: gone for good. */
export type PeerState = 'unknown' | 'alive' | 'away' | 'left';

/** Another node as this one knows it. */
export interface Peer {
  readonly contact: Contact;
  /** From the servers list: stays whatever happens. Otherwise learned from others. */
  readonly listed: boolean;
  readonly learnedAtMs: number;
  /** Resolved contact, or where the peer was heard from last. */
  address?: Address;
  id?: bigint;
  boot?: bigint;
  /** Of the answers before the last change of boot. */
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
  /** Monotonic milliseconds since when it is not alive, as far as this node knows, which may be its own start. */
  awaySinceMs: number | undefined;
  /** Monotonic milliseconds of the last sign of life since this node started. */
  lastSeenMs?: number;
  roundTripMs?: number;
  /** HELLOs without an answer in a row. */
  silences: number;
  /** This contact leads back to this node, or to a node that another contact already leads to. */
  hidden: boolean;
}

/** A peer that has said who it is, now or before a restart, and has not left. */
export type Member = Peer & { id: bigint; address: Address };

export const MAX_PEERS = 1024;

const PREFIX = 'peer/';

/** All peers by contact, remembered in the store so that a restarted node knows who owns what. */
export class PeerTable {
  readonly #peers = new Map<string, Peer>();

  constructor(private readonly facts: FactStore) {}

  get size(): number {
    return this.#peers.size;
  }

  all(): Peer[] {
    return [...this.#peers.values()];
  }

  /** One for each node id. */
  members(): Member[] {
    return this.all().filter(isMember);
  }

  byId(id: bigint): Peer | undefined {
    return this.all().find((peer) => peer.id === id && !peer.hidden);
  }

  byAddress(address: Address): Peer | undefined {
    return this.all().find((peer) => peer.address !== undefined && sameAddress(peer.address, address));
  }

  byContact(contact: Contact): Peer | undefined {
    return this.#peers.get(contactText(contact));
  }

  /** The peer of this contact, made if need be; undefined when the table is full. Listed ones always have room. */
  add(contact: Contact, listed: boolean, nowMs: number): Peer | undefined {
    const known = this.byContact(contact);
    if (known) return known;
    if (!listed && this.size >= MAX_PEERS) return undefined;
    const peer: Peer = {
      contact,
      listed,
      learnedAtMs: nowMs,
      weight: 0,
      zone: '',
      standby: false,
      incarnation: 0,
      state: 'unknown',
      suspect: false,
      awaySinceMs: nowMs,
      silences: 0,
      hidden: false,
    };
    this.#peers.set(contactText(contact), peer);
    return peer;
  }

  async remove(peer: Peer): Promise<void> {
    this.#peers.delete(contactText(peer.contact));
    await this.facts.delete(PREFIX + contactText(peer.contact));
  }

  /** Keeps who this peer is for the next start. */
  async remember(peer: Peer): Promise<void> {
    if (!isMember(peer)) return;
    const address = encodeContact(peer.address);
    const own = [u64(peer.id), f64(peer.weight), encodeZone(peer.zone), u8(peer.standby ? 1 : 0)];
    const value = Buffer.concat([...own, encodeContact(peer.contact), address]);
    await this.facts.put(PREFIX + contactText(peer.contact), value);
  }

  /** Takes up what an earlier run remembered: of listed peers, and of learned ones if `learned`. */
  async load(learned: boolean, nowMs: number): Promise<void> {
    const stale: string[] = [];
    for await (const [key, value] of this.facts.entries(PREFIX)) {
      const remembered = decodeRemembered(value);
      const peer = remembered && (this.byContact(remembered.contact) ?? (learned ? remembered.contact : undefined));
      if (!remembered || !peer || this.byId(remembered.id)) {
        stale.push(key);
        continue;
      }
      const entry = 'state' in peer ? peer : this.add(peer, false, nowMs);
      if (!entry) continue;
      entry.id = remembered.id;
      entry.weight = remembered.weight;
      entry.zone = remembered.zone;
      entry.standby = remembered.standby;
      entry.address = remembered.address;
      entry.state = 'away';
    }
    for (const key of stale) await this.facts.delete(key);
  }
}

export function isMember(peer: Peer): peer is Member {
  return peer.id !== undefined && peer.address !== undefined && !peer.hidden && peer.state !== 'left';
}

function decodeRemembered(bytes: Uint8Array) {
  try {
    const reader = new OctetReader(bytes, 'A remembered peer');
    const id = reader.u64();
    const weight = reader.f64();
    const zone = decodeZone(reader);
    const standby = reader.u8() === 1;
    const contact = decodeContact(reader);
    const address = decodeContact(reader);
    reader.end();
    return weight >= 0 && weight <= MAX_WEIGHT ? { id, weight, zone, standby, contact, address } : undefined;
  } catch (error) {
    if (error instanceof MurkyError) return undefined;
    throw error;
  }
}
