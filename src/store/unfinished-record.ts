import { createHash } from 'node:crypto';
import { type Version, versionFromBytes, versionToBytes } from '../object/version.js';

const FORMAT = 1;
const FIXED_BYTES = 65;
const CHECK_BYTES = 8;

/** What the index says of a write that was broken off: of which version, and when its blocks were kept last. */
export interface UnfinishedRecord {
  readonly id: bigint;
  readonly version: Version;
  /** Milliseconds since 1970. */
  readonly keptMs: number;
  readonly manifestSha256: Uint8Array;
}

/** The record as bytes, filed under the index key `at`; docs/disk-format.md has the table of offsets. */
export function encodeUnfinished(at: Uint8Array, record: UnfinishedRecord): Buffer {
  const bytes = Buffer.alloc(FIXED_BYTES + CHECK_BYTES);
  bytes.writeUInt8(FORMAT, 0);
  bytes.writeBigUInt64BE(record.id, 1);
  bytes.set(versionToBytes(record.version), 9);
  bytes.writeBigUInt64BE(BigInt(record.keptMs), 25);
  bytes.set(record.manifestSha256, 33);
  bytes.set(check(at, bytes.subarray(0, FIXED_BYTES)), FIXED_BYTES);
  return bytes;
}

/** Undefined unless `bytes` are what encodeUnfinished wrote for this key. */
export function decodeUnfinished(at: Uint8Array, bytes: Buffer): UnfinishedRecord | undefined {
  const sound =
    bytes.length === FIXED_BYTES + CHECK_BYTES &&
    bytes.readUInt8(0) === FORMAT &&
    check(at, bytes.subarray(0, FIXED_BYTES)).equals(bytes.subarray(FIXED_BYTES));
  if (!sound) return undefined;
  return {
    id: bytes.readBigUInt64BE(1),
    version: versionFromBytes(bytes, 9),
    keptMs: Number(bytes.readBigUInt64BE(25)),
    manifestSha256: Uint8Array.from(bytes.subarray(33, 65)),
  };
}

/** LevelDB does not check the sums of its tables on each read, so records carry their own, bound to their key. */
function check(at: Uint8Array, bytes: Uint8Array): Buffer {
  return createHash('sha256').update(at).update(bytes).digest().subarray(0, CHECK_BYTES);
}
