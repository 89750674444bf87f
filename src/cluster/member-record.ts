import { type Contact, decodeContact, MAX_CONTACT_BYTES, writeContact } from './contact.js';
import { type OctetReader, OctetWriter } from './octets.js';
import { decodeZone, MAX_ZONE_BYTES } from './zone.js';

/** What is said of a node; a later one in this order is worse news. */
export const MEMBER_STATUSES = ['alive', 'suspect', 'away', 'left'] as const;
export type MemberStatus = (typeof MEMBER_STATUSES)[number];

export interface Belief {
  /** How often the node has spoken for itself: raised by the node alone. */
  readonly incarnation: number;
  readonly status: MemberStatus;
}

/** What a node tells of another one. */
export interface MemberRecord extends Belief {
  readonly id: bigint;
  /** How long it has been suspect or away; 0 for alive and left. */
  readonly ageMs: number;
  readonly weight: number;
  readonly zone: string;
  readonly standby: boolean;
  readonly contact: Contact;
}

export const MAX_WEIGHT = 1e6;
const MAX_AGE_MS = 2 ** 32 - 1;
const FLAG_STANDBY = 4;
const MAX_RECORD_BYTES = 25 + 1 + MAX_ZONE_BYTES + MAX_CONTACT_BYTES;

/**
 * The order of news on one node (Das, Gupta, Motivala, "SWIM", DSN 2002, section 4.2): a greater incarnation is newer;
 * within one, worse news is, as only the node itself can take it back.
 */
export function supersedes(news: Belief, known: Belief): boolean {
  if (news.incarnation !== known.incarnation) return news.incarnation > known.incarnation;
  return MEMBER_STATUSES.indexOf(news.status) > MEMBER_STATUSES.indexOf(known.status);
}

/**
 * Big-endian: node id (8), incarnation (4), flags (1: bits 0 and 1 the status, bit 2 standby), age in milliseconds (4),
 * weight (8, IEEE 754), zone, contact.
 */
export function encodeRecord(record: MemberRecord): Buffer {
  const writer = new OctetWriter(MAX_RECORD_BYTES)
    .u64(record.id)
    .u32(record.incarnation)
    .u8(MEMBER_STATUSES.indexOf(record.status) | (record.standby ? FLAG_STANDBY : 0))
    .u32(Math.min(MAX_AGE_MS, Math.max(0, Math.floor(record.ageMs))))
    .f64(record.weight)
    .text(record.zone);
  return writeContact(writer, record.contact).end();
}

export function decodeRecord(reader: OctetReader): MemberRecord {
  const id = reader.u64();
  const incarnation = reader.u32();
  const flags = reader.u8();
  if (flags > (3 | FLAG_STANDBY)) throw reader.fail('unknown flags of a member');
  const ageMs = reader.u32();
  const weight = decodeWeight(reader);
  const zone = decodeZone(reader);
  const contact = decodeContact(reader);
  const status = MEMBER_STATUSES[flags & 3] as MemberStatus;
  return { id, incarnation, status, ageMs, weight, zone, standby: (flags & FLAG_STANDBY) !== 0, contact };
}

export function decodeWeight(reader: OctetReader): number {
  const weight = reader.f64();
  if (!(weight >= 0 && weight <= MAX_WEIGHT)) throw reader.fail('the weight is out of range');
  return weight;
}
