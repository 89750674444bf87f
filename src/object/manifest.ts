import { hash } from 'node:crypto';
import { MurkyError } from '../errors.js';
import { checkKey, MAX_KEY_BYTES, resourceId } from './key.js';
import { toldVersion, type Version, versionToBytes } from './version.js';

/** A value is cut into source blocks of 1 MiB, the last one shorter; an empty value has none. */
export const BLOCK_BYTES = 2 ** 20;
export const HASH_BYTES = 32;
/** 262,144 blocks: their manifest, 8 MiB of hashes, still travels as one source block (K = 6242 at S = 1344). */
export const MAX_OBJECT_BYTES = 256 * 2 ** 30;
/** Of all names and values together, in UTF-8. */
export const MAX_METADATA_BYTES = 8192;

const FORMAT = 1;
const FLAG_TOMBSTONE = 1;
const FIXED_BYTES = 78;

/** What there is to know of one version of one object. A tombstone is the version that a delete writes. */
export interface Manifest {
  readonly key: string;
  readonly id: bigint;
  readonly version: Version;
  readonly tombstone: boolean;
  /** Bytes of the value. */
  readonly size: number;
  readonly blockBytes: number;
  /** SHA-256 of each source block. */
  readonly blockHashes: readonly Uint8Array[];
  /** SHA-256 of the whole value: the ETag. */
  readonly sha256: Uint8Array;
  /** Sorted by name; `content-type` is one of them. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bytes of the source block at `index`. */
export function blockLength(manifest: Pick<Manifest, 'size' | 'blockBytes'>, index: number): number {
  return Math.min(manifest.blockBytes, manifest.size - index * manifest.blockBytes);
}

export function blockCount(size: number, blockBytes = BLOCK_BYTES): number {
  return Math.ceil(size / blockBytes);
}

export function sha256(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer');
}

/** The version that a delete of `key` writes. */
export function tombstone(key: string, version: Version): Manifest {
  const id = resourceId(key);
  const nothing = sha256(new Uint8Array());
  return {
    key,
    id,
    version,
    tombstone: true,
    size: 0,
    blockBytes: BLOCK_BYTES,
    blockHashes: [],
    sha256: nothing,
    metadata: {},
  };
}

/**
 * The manifest as bytes, one form for each manifest so that equal manifests hash alike. Big-endian:
 *
 * | offset | bytes | field |
 * | --- | --- | --- |
 * | 0 | 1 | format, 1 |
 * | 1 | 1 | flags: bit 0 tombstone, the others 0 |
 * | 2 | 8 | resource id |
 * | 10 | 16 | version |
 * | 26 | 8 | size |
 * | 34 | 4 | block size |
 * | 38 | 32 | SHA-256 of the value |
 * | 70 | 2 | key length k |
 * | 72 | 2 | metadata entries m |
 * | 74 | 4 | block hashes b |
 * | 78 | k | key, UTF-8 |
 * | | m × (2 + n + 2 + v) | name length, name, value length, value; names ascending |
 * | | b × 32 | SHA-256 of each block |
 */
export function encodeManifest(manifest: Manifest): Buffer {
  const { metadata, blockHashes } = manifest;
  const names = Object.keys(metadata).sort();
  checkMetadata(metadata);
  const texts = names.flatMap((name) => [name, metadata[name] ?? '']);
  const keyBytes = Buffer.byteLength(manifest.key, 'utf8');
  const textBytes = texts.reduce((sum, text) => sum + 2 + Buffer.byteLength(text, 'utf8'), 0);
  const bytes = Buffer.alloc(FIXED_BYTES + keyBytes + textBytes + blockHashes.length * HASH_BYTES);
  bytes.writeUInt8(FORMAT, 0);
  bytes.writeUInt8(manifest.tombstone ? FLAG_TOMBSTONE : 0, 1);
  bytes.writeBigUInt64BE(manifest.id, 2);
  bytes.set(versionToBytes(manifest.version), 10);
  bytes.writeBigUInt64BE(BigInt(manifest.size), 26);
  bytes.writeUInt32BE(manifest.blockBytes, 34);
  bytes.set(manifest.sha256, 38);
  bytes.writeUInt16BE(keyBytes, 70);
  bytes.writeUInt16BE(names.length, 72);
  bytes.writeUInt32BE(blockHashes.length, 74);
  let at = FIXED_BYTES + bytes.write(manifest.key, FIXED_BYTES, 'utf8');
  for (const text of texts) {
    const written = bytes.write(text, at + 2, 'utf8');
    at = bytes.writeUInt16BE(written, at) + written;
  }
  for (const hash of blockHashes) {
    bytes.set(hash, at);
    at += HASH_BYTES;
  }
  return bytes;
}

/** Parses {@link encodeManifest}'s form; anything that it would not have written is MURKY_BAD_MESSAGE. */
export function decodeManifest(bytes: Uint8Array): Manifest {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (what: string) => new MurkyError('MURKY_BAD_MESSAGE', `A manifest is malformed: ${what}.`);
  if (buffer.length < FIXED_BYTES) throw fail('it is cut short');
  if (buffer.readUInt8(0) !== FORMAT) throw fail(`format ${buffer.readUInt8(0)} is not known`);
  const flags = buffer.readUInt8(1);
  if (flags > FLAG_TOMBSTONE) throw fail('unknown flags');
  const size = Number(buffer.readBigUInt64BE(26));
  const blockBytes = buffer.readUInt32BE(34);
  const keyBytes = buffer.readUInt16BE(70);
  const entries = buffer.readUInt16BE(72);
  const blocks = buffer.readUInt32BE(74);
  if (size > MAX_OBJECT_BYTES) throw fail('the size is over the limit');
  if (blockBytes === 0 || blockBytes > BLOCK_BYTES) throw fail('the block size is out of range');
  if (blocks !== blockCount(size, blockBytes)) throw fail('size and number of blocks disagree');
  if ((flags & FLAG_TOMBSTONE) !== 0 && size > 0) throw fail('a tombstone has a value');
  if (keyBytes > MAX_KEY_BYTES) throw fail('the key is too long');
  let at = FIXED_BYTES;
  const take = (length: number) => {
    if (at + length > buffer.length) throw fail('it is cut short');
    at += length;
    return buffer.subarray(at - length, at);
  };
  const text = (length: number) => {
    const raw = take(length);
    const decoded = raw.toString('utf8');
    if (!Buffer.from(decoded, 'utf8').equals(raw)) throw fail('a text is not UTF-8');
    return decoded;
  };
  const key = text(keyBytes);
  const id = buffer.readBigUInt64BE(2);
  try {
    checkKey(key);
  } catch {
    throw fail('the key is not one');
  }
  if (resourceId(key) !== id) throw fail('key and id disagree');
  const metadata: Record<string, string> = {};
  const metadataStart = at;
  let previous: string | undefined;
  for (let i = 0; i < entries; i++) {
    const name = text(take(2).readUInt16BE());
    if (previous !== undefined && name <= previous) throw fail('metadata names are not ascending');
    previous = name;
    Object.defineProperty(metadata, name, { value: text(take(2).readUInt16BE()), enumerable: true });
    if (at - metadataStart - 4 * entries > MAX_METADATA_BYTES) throw fail('the metadata is too long');
  }
  // One copy for all: the caller may use its buffer again, and the largest manifest has 262,144 hashes.
  const hashes = Uint8Array.from(take(blocks * HASH_BYTES));
  const blockHashes = Array.from({ length: blocks }, (_, i) => hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
  if (at !== buffer.length) throw fail('bytes are left over');
  return {
    key,
    id,
    version: toldVersion(buffer, 10),
    tombstone: (flags & FLAG_TOMBSTONE) !== 0,
    size,
    blockBytes,
    blockHashes,
    sha256: Uint8Array.from(buffer.subarray(38, 38 + HASH_BYTES)),
    metadata,
  };
}

/** Throws MURKY_BAD_REQUEST unless the metadata is well-formed Unicode of at most 8192 bytes in all. */
export function checkMetadata(metadata: Readonly<Record<string, string>>): void {
  let bytes = 0;
  for (const [name, value] of Object.entries(metadata)) {
    if (!name.isWellFormed() || !value.isWellFormed()) {
      throw new MurkyError(
        'MURKY_BAD_REQUEST',
        'The metadata is not well-formed Unicode: it has half of a surrogate pair.',
      );
    }
    bytes += Buffer.byteLength(name, 'utf8') + Buffer.byteLength(value, 'utf8');
  }
  if (bytes > MAX_METADATA_BYTES) {
    throw new MurkyError(
      'MURKY_BAD_REQUEST',
      `The metadata has ${bytes} bytes; at most ${MAX_METADATA_BYTES} are allowed.`,
    );
  }
}
