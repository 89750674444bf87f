import { ERROR_CODES, type ErrorCode } from '../errors.js';
import { decodeManifest, encodeManifest, HASH_BYTES, type Manifest, sha256 } from '../object/manifest.js';
import { compareVersions, toldVersion, VERSION_BYTES, type Version, versionToBytes } from '../object/version.js';
import { type Contact, decodeContact, encodeContact } from './contact.js';
import { MAX_MESSAGE_BYTES } from './message-size.js';
import { OctetReader, u8, u32, u64 } from './octets.js';

/** To an owner: hold this version. Whoever asks holds it; `holders` are further ones. */
export interface Propagate {
  /** Node id of the owner: at its address another node may answer by now. */
  readonly to: bigint;
  /** No one waits for it: a repair, which keeps to the owner's rate for repairs. */
  readonly repair: boolean;
  readonly id: bigint;
  readonly version: Version;
  /** Of the encoded manifest. */
  readonly manifestBytes: number;
  readonly manifestSha256: Uint8Array;
  /** Rides along where it fits; otherwise the owner gets it from a holder. */
  readonly manifest?: Manifest;
  readonly holders: readonly Contact[];
}

export type PropagateAnswer =
  /** This version is held durably. */
  | { readonly kind: 'durable' }
  /**
   * On its way; ask again. `blocks` are held so far, and `ahead` so many came for others while it waited in line: an asker
   * sees by them that it goes on.
   */
  | { readonly kind: 'pending'; readonly blocks: number; readonly ahead: number }
  /** A newer one is held. */
  | { readonly kind: 'newer'; readonly version: Version }
  | { readonly kind: 'refused'; readonly code: ErrorCode };

const FORMAT = 3;
const FLAG_REPAIR = 1;
export const MAX_HOLDERS = 8;

/**
 * Big-endian: format (1), flags (1: bit 0 repair), node id of the owner (8), resource id (8), version (16), bytes of the
 * manifest (4), SHA-256 of the manifest (32), number of holders (1), each a contact, then the manifest or nothing.
 */
export function encodePropagate(to: bigint, manifest: Manifest, holders: readonly Contact[], repair = false): Buffer {
  const encoded = encodeManifest(manifest);
  const head = Buffer.concat([
    u8(FORMAT),
    u8(repair ? FLAG_REPAIR : 0),
    u64(to),
    u64(manifest.id),
    versionToBytes(manifest.version),
    u32(encoded.length),
    sha256(encoded),
  ]);
  let room = MAX_MESSAGE_BYTES - head.length - 1;
  const fitting: Buffer[] = [];
  for (const holder of holders.slice(0, MAX_HOLDERS)) {
    const entry = encodeContact(holder);
    if (entry.length > room) break;
    room -= entry.length;
    fitting.push(entry);
  }
  const parts = [head, u8(fitting.length), ...fitting];
  if (encoded.length <= room) parts.push(encoded);
  return Buffer.concat(parts);
}

/** MURKY_BAD_MESSAGE for anything that {@link encodePropagate} would not have written. */
export function decodePropagate(bytes: Uint8Array): Propagate {
  const reader = new OctetReader(bytes, 'A PROPAGATE');
  if (reader.u8() !== FORMAT) throw reader.fail('its format is not known');
  const flags = reader.u8();
  if (flags > FLAG_REPAIR) throw reader.fail('unknown flags');
  const to = reader.u64();
  const id = reader.u64();
  const version = toldVersion(reader.take(VERSION_BYTES));
  const manifestBytes = reader.u32();
  const manifestSha256 = Uint8Array.from(reader.take(HASH_BYTES));
  const count = reader.u8();
  if (count > MAX_HOLDERS) throw reader.fail('too many holders');
  const holders: Contact[] = [];
  for (let i = 0; i < count; i++) holders.push(decodeContact(reader));
  const head = { to, repair: flags === FLAG_REPAIR, id, version, manifestBytes, manifestSha256, holders };
  if (reader.left === 0) return head;
  if (reader.left !== manifestBytes) throw reader.fail('the manifest has another length than it says');
  const encoded = reader.take(manifestBytes);
  if (!sha256(encoded).equals(manifestSha256)) throw reader.fail('the manifest has another hash than it says');
  const manifest = decodeManifest(encoded);
  if (manifest.id !== id || compareVersions(manifest.version, version) !== 0) {
    throw reader.fail('the manifest is of another version');
  }
  return { ...head, manifest };
}

const KINDS = ['durable', 'pending', 'newer', 'refused'] as const;

/** Kind (1: 1 durable, 2 pending, 3 newer, 4 refused), then: nothing; blocks (4), ahead (4); version (16); code (ASCII). */
export function encodeAnswer(answer: PropagateAnswer): Buffer {
  const kind = u8(KINDS.indexOf(answer.kind) + 1);
  switch (answer.kind) {
    case 'durable':
      return kind;
    case 'pending':
      return Buffer.concat([kind, u32(answer.blocks), u32(answer.ahead)]);
    case 'newer':
      return Buffer.concat([kind, versionToBytes(answer.version)]);
    case 'refused':
      return Buffer.concat([kind, Buffer.from(answer.code, 'ascii')]);
  }
}

export function decodeAnswer(bytes: Uint8Array): PropagateAnswer {
  const reader = new OctetReader(bytes, 'An answer to PROPAGATE');
  const kind = KINDS[reader.u8() - 1];
  let answer: PropagateAnswer;
  switch (kind) {
    case 'durable':
      answer = { kind };
      break;
    case 'pending':
      answer = { kind, blocks: reader.u32(), ahead: reader.u32() };
      break;
    case 'newer':
      answer = { kind, version: toldVersion(reader.take(VERSION_BYTES)) };
      break;
    case 'refused': {
      const code = reader.take(reader.left).toString('latin1');
      if (!Object.hasOwn(ERROR_CODES, code)) throw reader.fail('its error code is not known');
      answer = { kind, code: code as ErrorCode };
      break;
    }
    default:
      throw reader.fail('its kind is not known');
  }
  reader.end();
  return answer;
}
