import { toldVersion, VERSION_BYTES, type Version, versionToBytes } from '../../object/version.js';
import { OctetReader, u8, u64 } from '../octets.js';
import { DIGEST_BYTES, FAN_OUT } from './digests.js';

/** What a node holds as a replica. */
export interface Holding {
  readonly id: bigint;
  readonly version: Version;
}

/** To a node that owns resources with the sender, which of them do you hold otherwise? */
export type Compare =
  /** The digests of the coarse ranges (`coarse` undefined), or of the leaves of one. */
  | { readonly kind: 'digests'; readonly sender: bigint; readonly coarse?: number; readonly digests: Uint8Array }
  /** All that the sender holds and owns with the other from one id to another. */
  | {
      readonly kind: 'list';
      readonly sender: bigint;
      readonly first: bigint;
      readonly last: bigint;
      readonly holdings: readonly Holding[];
    };

export type CompareAnswer =
  /** Is looking through what it has first; ask again. */
  | { readonly kind: 'later' }
  /** The places of digests that are not the same. */
  | { readonly kind: 'different'; readonly places: readonly number[] }
  /** What the sender lacks, or has older; `next`: did not fit, ask again from this id on. */
  | { readonly kind: 'lacking'; readonly holdings: readonly Holding[]; readonly next?: bigint };

/** So many fit a message. */
export const MAX_HOLDINGS = 47;
const FORMAT = 1;
const ALL = 255;
const HOLDING_BYTES = 8 + VERSION_BYTES;

/**
 * Format (1), kind (1), id of the sender (8), then of kind 1: the coarse range, or 255 (1), 64 digests (8 each); of
 * kind 2: first id (8), last id (8), number of holdings (1), each: id (8), version (16).
 */
export function encodeCompare(message: Compare): Buffer {
  const head = Buffer.concat([u8(FORMAT), u8(message.kind === 'digests' ? 1 : 2), u64(message.sender)]);
  if (message.kind === 'digests') return Buffer.concat([head, u8(message.coarse ?? ALL), message.digests]);
  return Buffer.concat([head, u64(message.first), u64(message.last), encodeHoldings(message.holdings)]);
}

/** MURKY_BAD_MESSAGE for anything that {@link encodeCompare} would not have written. */
export function decodeCompare(bytes: Uint8Array): Compare {
  const reader = new OctetReader(bytes, 'A COMPARE');
  if (reader.u8() !== FORMAT) throw reader.fail('its format is not known');
  const kind = reader.u8();
  const sender = reader.u64();
  let message: Compare;
  if (kind === 1) {
    const coarse = reader.u8();
    if (coarse >= FAN_OUT && coarse !== ALL) throw reader.fail('there is no such range');
    const digests = Uint8Array.from(reader.take(FAN_OUT * DIGEST_BYTES));
    message = { kind: 'digests', sender, ...(coarse !== ALL && { coarse }), digests };
  } else if (kind === 2) {
    const first = reader.u64();
    const last = reader.u64();
    if (first > last) throw reader.fail('its range is empty');
    message = { kind: 'list', sender, first, last, holdings: decodeHoldings(reader) };
  } else throw reader.fail('its kind is not known');
  reader.end();
  return message;
}

/**
 * Kind (1), then of 1 later: nothing; of 2 different: 64 bits, the highest for the first digest (8); of 3 lacking:
 * 1 if there is more, else 0 (1), the id to go on from (8), number of holdings (1), each: id (8), version (16).
 */
export function encodeCompareAnswer(answer: CompareAnswer): Buffer {
  switch (answer.kind) {
    case 'later':
      return u8(1);
    case 'different': {
      const bits = answer.places.reduce((sum, place) => sum | (1n << BigInt(FAN_OUT - 1 - place)), 0n);
      return Buffer.concat([u8(2), u64(bits)]);
    }
    case 'lacking': {
      const { next, holdings } = answer;
      return Buffer.concat([u8(3), u8(next === undefined ? 0 : 1), u64(next ?? 0n), encodeHoldings(holdings)]);
    }
  }
}

export function decodeCompareAnswer(bytes: Uint8Array): CompareAnswer {
  const reader = new OctetReader(bytes, 'An answer to COMPARE');
  const kind = reader.u8();
  let answer: CompareAnswer;
  if (kind === 1) answer = { kind: 'later' };
  else if (kind === 2) {
    const bits = reader.u64();
    const places = Array.from({ length: FAN_OUT }, (_, place) => place);
    answer = { kind: 'different', places: places.filter((place) => (bits >> BigInt(FAN_OUT - 1 - place)) & 1n) };
  } else if (kind === 3) {
    const more = reader.u8();
    const next = reader.u64();
    if (more > 1 || (more === 0 && next !== 0n)) throw reader.fail('it does not say where to go on');
    answer = { kind: 'lacking', holdings: decodeHoldings(reader), ...(more === 1 && { next }) };
  } else throw reader.fail('its kind is not known');
  reader.end();
  return answer;
}

function encodeHoldings(holdings: readonly Holding[]): Buffer {
  const each = holdings.map(({ id, version }) => Buffer.concat([u64(id), versionToBytes(version)]));
  return Buffer.concat([u8(holdings.length), ...each]);
}

function decodeHoldings(reader: OctetReader): Holding[] {
  const count = reader.u8();
  if (count > MAX_HOLDINGS) throw reader.fail('too many holdings');
  if (reader.left !== count * HOLDING_BYTES) throw reader.fail('its holdings are cut short');
  return Array.from({ length: count }, () => {
    const id = reader.u64();
    const version = toldVersion(reader.take(VERSION_BYTES));
    return { id, version };
  });
}
