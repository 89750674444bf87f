import { type Contact, decodeContact, writeContact } from '../contact.js';
import {
  type Belief,
  decodeRecord,
  decodeWeight,
  encodeRecord,
  MEMBER_STATUSES,
  type MemberRecord,
} from '../member-record.js';
import { MAX_MESSAGE_BYTES } from '../message-size.js';
import { OctetReader, OctetWriter } from '../octets.js';
import type { Settings } from '../settings.js';
import { decodeZone } from '../zone.js';

/** What a node says of itself. */
export interface SelfRecord {
  readonly id: bigint;
  /** New at each start: tells a node from another one that runs with a copy of its data folder. */
  readonly boot: bigint;
  readonly incarnation: number;
  readonly weight: number;
  readonly zone: string;
  readonly standby: boolean;
  /** Is gone for good. */
  readonly left: boolean;
  /** Where others shall reach it; without it, where the message came from. */
  readonly advertised?: Contact;
}

/** Are you there? As request and as answer, with news of others on the back. */
export interface Ping {
  readonly self: SelfRecord;
  /** Who it is meant for; 0: whoever is there. */
  readonly to: bigint;
  /** What the sender holds of it, for it to contradict. */
  readonly belief: Belief;
  /** The sender's wall clock, milliseconds since 1970. */
  readonly wallMs: number;
  readonly settings: Settings;
  /** Of all members that the sender knows; 0: not to be compared. */
  readonly digest: bigint;
  readonly news: readonly MemberRecord[];
}

const FORMAT = 1;
export const MAX_NEWS = 15;
const FLAG_ADVERTISED = 1;
const FLAG_STANDBY = 2;
const FLAG_LEFT = 4;

/** A PING as bytes, and how much of its news fitted: so many of the first. */
export interface EncodedPing {
  readonly bytes: Buffer;
  readonly told: number;
}

/**
 * Big-endian: format (1), to (8), belief: incarnation (4) and status (1); wall clock (8, IEEE 754), replicas (1), write
 * quorum (1, 0: majority), grace seconds (4), digest (8); self: node id (8), boot (8), incarnation (4), flags (1: bit 0
 * an advertised contact follows, bit 1 standby, bit 2 left), weight (8, IEEE 754), zone, [contact]; number of news (1),
 * each a member record. News that does not fit is left out: `ping.news` in the order of importance.
 */
export function encodePing(ping: Ping): EncodedPing {
  const { self, settings } = ping;
  const flags =
    (self.advertised ? FLAG_ADVERTISED : 0) | (self.standby ? FLAG_STANDBY : 0) | (self.left ? FLAG_LEFT : 0);
  const writer = new OctetWriter(MAX_MESSAGE_BYTES)
    .u8(FORMAT)
    .u64(ping.to)
    .u32(ping.belief.incarnation)
    .u8(MEMBER_STATUSES.indexOf(ping.belief.status))
    .f64(ping.wallMs)
    .u8(settings.replicas)
    .u8(settings.writeQuorum === 'majority' ? 0 : settings.writeQuorum)
    .u32(settings.graceSeconds)
    .u64(ping.digest)
    .u64(self.id)
    .u64(self.boot)
    .u32(self.incarnation)
    .u8(flags)
    .f64(self.weight)
    .text(self.zone);
  if (self.advertised) writeContact(writer, self.advertised);
  let room = MAX_MESSAGE_BYTES - writer.length - 1;
  const news: Buffer[] = [];
  for (const record of ping.news.slice(0, MAX_NEWS)) {
    const encoded = encodeRecord(record);
    room -= encoded.length;
    if (room < 0) break;
    news.push(encoded);
  }
  writer.u8(news.length);
  for (const record of news) writer.bytes(record);
  return { bytes: writer.end(), told: news.length };
}

/** MURKY_BAD_MESSAGE for anything that {@link encodePing} would not have written. */
export function decodePing(bytes: Uint8Array): Ping {
  const reader = new OctetReader(bytes, 'A PING');
  if (reader.u8() !== FORMAT) throw reader.fail('its format is not known');
  const to = reader.u64();
  const incarnation = reader.u32();
  const status = MEMBER_STATUSES[reader.u8()];
  if (!status) throw reader.fail('a status is not known');
  const wallMs = reader.f64();
  if (!Number.isFinite(wallMs)) throw reader.fail('its clock is no number');
  const replicas = reader.u8();
  const writeQuorum = reader.u8() || 'majority';
  const settings = { replicas, writeQuorum, graceSeconds: reader.u32() } as const;
  const digest = reader.u64();
  const self = decodeSelf(reader);
  const count = reader.u8();
  if (count > MAX_NEWS) throw reader.fail('too much news');
  const news: MemberRecord[] = [];
  for (let i = 0; i < count; i++) news.push(decodeRecord(reader));
  reader.end();
  return { to, belief: { incarnation, status }, wallMs, settings, digest, self, news };
}

function decodeSelf(reader: OctetReader): SelfRecord {
  const id = reader.u64();
  const boot = reader.u64();
  const incarnation = reader.u32();
  const flags = reader.u8();
  if (flags > (FLAG_ADVERTISED | FLAG_STANDBY | FLAG_LEFT)) throw reader.fail('unknown flags');
  const weight = decodeWeight(reader);
  const zone = decodeZone(reader);
  const advertised = flags & FLAG_ADVERTISED ? decodeContact(reader) : undefined;
  const [standby, left] = [(flags & FLAG_STANDBY) !== 0, (flags & FLAG_LEFT) !== 0];
  return { id, boot, incarnation, weight, zone, standby, left, ...(advertised && { advertised }) };
}
