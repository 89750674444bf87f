import { hash } from 'node:crypto';
import { MurkyError } from '../errors.js';
import { type Version, versionFromBytes, versionToBytes } from '../object/version.js';
import type { Role } from './contract.js';

const FORMAT = 1;
const FLAG_TOMBSTONE = 1;
const FLAG_CACHED = 2;
const FIXED_BYTES = 80;
const CHECK_BYTES = 8;

/** What the index says of one version that is here: where its manifest and blocks are, and what they come to. */
export interface VersionRecord {
  readonly id: bigint;
  readonly key: string;
  readonly version: Version;
  readonly tombstone: boolean;
  readonly role: Role;
  /** Private number that the manifest and the blocks of this version are filed under; never used for another one. */
  readonly slot: number;
  readonly size: number;
  readonly blockBytes: number;
  /** Milliseconds since 1970: when another one was overwritten, when a current one was last used (see use-order.ts). */
  readonly timeMs: number;
  readonly manifestSha256: Uint8Array;
}

/** The record as bytes, filed under the index key `at`; docs/disk-format.md has the table of offsets. */
export function encodeRecord(at: Uint8Array, record: VersionRecord): Buffer {
  const key = Buffer.from(record.key, 'utf8');
  // The index key stands before it for the check, which covers both.
  const checked = Buffer.alloc(at.length + FIXED_BYTES + key.length + CHECK_BYTES);
  checked.set(at, 0);
  const bytes = checked.subarray(at.length);
  bytes.writeUInt8(FORMAT, 0);
  bytes.writeUInt8((record.tombstone ? FLAG_TOMBSTONE : 0) | (record.role === 'cached' ? FLAG_CACHED : 0), 1);
  bytes.set(versionToBytes(record.version), 2);
  bytes.writeBigUInt64BE(BigInt(record.slot), 18);
  bytes.writeBigUInt64BE(BigInt(record.size), 26);
  bytes.writeUInt32BE(record.blockBytes, 34);
  bytes.writeBigUInt64BE(BigInt(record.timeMs), 38);
  bytes.set(record.manifestSha256, 46);
  bytes.writeUInt16BE(key.length, 78);
  bytes.set(key, FIXED_BYTES);
  bytes.set(check(checked.subarray(0, -CHECK_BYTES)), FIXED_BYTES + key.length);
  return bytes;
}

/** MURKY_BLOCK_CORRUPT unless `bytes` are what encodeRecord wrote for this key. `at` is 'r' or 'o', then the id. */
export function decodeRecord(at: Buffer, bytes: Buffer): VersionRecord {
  const id = at.readBigUInt64BE(1);
  const keyBytes = bytes.length - FIXED_BYTES - CHECK_BYTES;
  const sound =
    keyBytes >= 0 &&
    bytes.readUInt8(0) === FORMAT &&
    bytes.readUInt16BE(78) === keyBytes &&
    check(Buffer.concat([at, bytes.subarray(0, FIXED_BYTES + keyBytes)])).equals(
      bytes.subarray(FIXED_BYTES + keyBytes),
    );
  if (!sound) {
    throw new MurkyError('MURKY_BLOCK_CORRUPT', `The record of object ${id} is damaged in this node's store.`, {
      hint: 'A new version of the object replaces it.',
      facts: { id: String(id) },
    });
  }
  const flags = bytes.readUInt8(1);
  return {
    id,
    key: bytes.toString('utf8', FIXED_BYTES, FIXED_BYTES + keyBytes),
    version: versionFromBytes(bytes, 2),
    tombstone: (flags & FLAG_TOMBSTONE) !== 0,
    role: (flags & FLAG_CACHED) !== 0 ? 'cached' : 'replica',
    slot: Number(bytes.readBigUInt64BE(18)),
    size: Number(bytes.readBigUInt64BE(26)),
    blockBytes: bytes.readUInt32BE(34),
    timeMs: Number(bytes.readBigUInt64BE(38)),
    manifestSha256: Uint8Array.from(bytes.subarray(46, 78)),
  };
}

/** LevelDB does not check the sums of its tables on each read, so records carry their own, bound to their key. */
function check(keyAndRecord: Uint8Array): Buffer {
  return hash('sha256', keyAndRecord, 'buffer').subarray(0, CHECK_BYTES);
}
