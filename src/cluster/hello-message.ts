import { type Contact, decodeContact, encodeContact } from './contact.js';
import { f64, OctetReader, u8, u16, u64 } from './octets.js';
import { decodeZone, encodeZone } from './zone.js';

/** One node to another, as request and as answer: who I am and whom I know. */
export interface Hello {
  readonly id: bigint;
  /** New at each start: tells a node from another one that runs with a copy of its data folder. */
  readonly boot: bigint;
  readonly weight: number;
  /** At most {@link MAX_ZONE_BYTES} in UTF-8, may be empty: nodes of one zone fail together. */
  readonly zone: string;
  /** Owns nothing until it takes the place of one that is gone. */
  readonly standby: boolean;
  /** Is gone for good. */
  readonly left: boolean;
  /** Where others shall reach this node; without it, where the message came from. */
  readonly advertised?: Contact;
  readonly known: readonly KnownPeer[];
}

export interface KnownPeer {
  readonly id: bigint;
  readonly contact: Contact;
}

export const HELLO_VERSION = 1;
export const MAX_KNOWN_PEERS = 32;
export const MAX_WEIGHT = 1e6;
/** What a request of the transport carries; known peers that do not fit are left out. */
export const MAX_MESSAGE_BYTES = 1331;

const FLAG_ADVERTISED = 1;
const FLAG_STANDBY = 2;
const FLAG_LEFT = 4;

/**
 * Big-endian: version (1), flags (1: bit 0 an advertised contact follows, bit 1 standby, bit 2 left), node id (8), boot
 * (8), weight (8, IEEE 754), zone (length in bytes (1), UTF-8), [contact], number of known peers (2), then each: node id (8), contact.
 */
export function encodeHello(hello: Hello): Buffer {
  const parts = [
    u8(HELLO_VERSION),
    u8((hello.advertised ? FLAG_ADVERTISED : 0) | (hello.standby ? FLAG_STANDBY : 0) | (hello.left ? FLAG_LEFT : 0)),
    u64(hello.id),
    u64(hello.boot),
    f64(hello.weight),
    encodeZone(hello.zone),
  ];
  if (hello.advertised) parts.push(encodeContact(hello.advertised));
  let room = MAX_MESSAGE_BYTES - 2 - parts.reduce((sum, part) => sum + part.length, 0);
  const known: Buffer[] = [];
  for (const peer of hello.known.slice(0, MAX_KNOWN_PEERS)) {
    const entry = Buffer.concat([u64(peer.id), encodeContact(peer.contact)]);
    room -= entry.length;
    if (room < 0) break;
    known.push(entry);
  }
  return Buffer.concat([...parts, u16(known.length), ...known]);
}

/** MURKY_BAD_MESSAGE for anything that {@link encodeHello} would not have written. */
export function decodeHello(bytes: Uint8Array): Hello {
  const reader = new OctetReader(bytes, 'A HELLO');
  const version = reader.u8();
  if (version !== HELLO_VERSION) throw reader.fail(`version ${version} is not known`);
  const flags = reader.u8();
  if (flags > (FLAG_ADVERTISED | FLAG_STANDBY | FLAG_LEFT)) throw reader.fail('unknown flags');
  const id = reader.u64();
  const boot = reader.u64();
  const weight = reader.f64();
  if (!(weight >= 0 && weight <= MAX_WEIGHT)) throw reader.fail('the weight is out of range');
  const zone = decodeZone(reader);
  const advertised = flags & FLAG_ADVERTISED ? decodeContact(reader) : undefined;
  const count = reader.u16();
  if (count > MAX_KNOWN_PEERS) throw reader.fail('too many known peers');
  const known: KnownPeer[] = [];
  for (let i = 0; i < count; i++) known.push({ id: reader.u64(), contact: decodeContact(reader) });
  reader.end();
  const standby = (flags & FLAG_STANDBY) !== 0;
  const left = (flags & FLAG_LEFT) !== 0;
  return { id, boot, weight, zone, standby, left, ...(advertised && { advertised }), known };
}
