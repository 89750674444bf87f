import { timingSafeEqual } from 'node:crypto';
import { MurkyError } from '../errors.js';
import { decodeManifest, encodeManifest, HASH_BYTES, type Manifest, sha256 } from '../object/manifest.js';
import { compareVersions, toldVersion, VERSION_BYTES, versionToBytes } from '../object/version.js';
import { MAX_BODY_BYTES } from './answer.js';
import type { LookupAnswer } from './contract.js';

const ID_BYTES = 8;
const FIXED_BYTES = 1 + VERSION_BYTES + 4 + HASH_BYTES;
const LEAST_MANIFEST_BYTES = 78;
/** A manifest travels as one source block: at most 8192 symbols of 1344 bytes. */
export const MAX_MANIFEST_BYTES = 8192 * 1344;

const FOUND = 1;
const TOMBSTONE = 2;
const INLINE = 4;

const NOT_FOUND: LookupAnswer = {
  found: false,
  version: { time: 0n, node: 0n },
  tombstone: false,
  manifestBytes: 0,
  manifestSha256: new Uint8Array(HASH_BYTES),
};

/** The body of a LOOKUP request: the resource id, 8 bytes. */
export function encodeLookup(id: bigint): Buffer {
  const bytes = Buffer.alloc(ID_BYTES);
  bytes.writeBigUInt64BE(id);
  return bytes;
}

export function decodeLookup(body: Uint8Array): bigint {
  if (body.length !== ID_BYTES) throw malformed('question', `it has ${body.length} bytes instead of ${ID_BYTES}`);
  return new DataView(body.buffer, body.byteOffset, ID_BYTES).getBigUint64(0);
}

/**
 * The body of the answer; `undefined` says that the resource is not here. Big-endian:
 *
 * | offset | bytes | field |
 * | --- | --- | --- |
 * | 0 | 1 | flags: bit 0 found, bit 1 tombstone, bit 2 manifest inline; nothing follows if not found |
 * | 1 | 16 | version |
 * | 17 | 4 | bytes of the encoded manifest |
 * | 21 | 32 | SHA-256 of the encoded manifest |
 * | 53 | | the encoded manifest if inline, which it is whenever the answer then has at most 1171 bytes |
 */
export function encodeLookupAnswer(manifest: Manifest | undefined): Buffer {
  if (!manifest) return Buffer.from([0]);
  const encoded = encodeManifest(manifest);
  const inline = FIXED_BYTES + encoded.length <= MAX_BODY_BYTES;
  const fixed = Buffer.alloc(FIXED_BYTES);
  fixed.writeUInt8(FOUND | (manifest.tombstone ? TOMBSTONE : 0) | (inline ? INLINE : 0), 0);
  versionToBytes(manifest.version).copy(fixed, 1);
  fixed.writeUInt32BE(encoded.length, 17);
  sha256(encoded).copy(fixed, 21);
  return inline ? Buffer.concat([fixed, encoded]) : fixed;
}

/** Parses the answer to a question for `id`; anything that {@link encodeLookupAnswer} would not write is refused. */
export function decodeLookupAnswer(body: Uint8Array, id: bigint): LookupAnswer {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const flags = bytes[0];
  if (flags === undefined) throw malformed('answer', 'it is empty');
  if (flags === 0) {
    if (bytes.length !== 1) throw malformed('answer', 'bytes are left over');
    return NOT_FOUND;
  }
  if ((flags & FOUND) === 0 || flags > (FOUND | TOMBSTONE | INLINE)) throw malformed('answer', 'unknown flags');
  if (bytes.length < FIXED_BYTES) throw malformed('answer', 'it is cut short');
  const manifestBytes = bytes.readUInt32BE(17);
  if (manifestBytes < LEAST_MANIFEST_BYTES || manifestBytes > MAX_MANIFEST_BYTES) {
    throw malformed('answer', `a manifest of ${manifestBytes} bytes is out of range`);
  }
  const answer = {
    found: true,
    version: toldVersion(bytes, 1),
    tombstone: (flags & TOMBSTONE) !== 0,
    manifestBytes,
    manifestSha256: Uint8Array.from(bytes.subarray(21, FIXED_BYTES)),
  };
  const inline = bytes.subarray(FIXED_BYTES);
  if ((flags & INLINE) === 0) {
    if (inline.length !== 0) throw malformed('answer', 'bytes are left over');
    if (FIXED_BYTES + manifestBytes <= MAX_BODY_BYTES) throw malformed('answer', 'a short manifest is left out');
    return answer;
  }
  if (inline.length !== manifestBytes) throw malformed('answer', 'the manifest has another length than announced');
  return { ...answer, manifest: openManifest(inline, id, answer) };
}

/** The manifest that `answer` announced for `id`, from its bytes; MURKY_BAD_MESSAGE if it is another. */
export function openManifest(encoded: Uint8Array, id: bigint, answer: Omit<LookupAnswer, 'manifest'>): Manifest {
  if (!timingSafeEqual(sha256(encoded), answer.manifestSha256)) {
    throw malformed('answer', 'the manifest has another SHA-256 than announced');
  }
  const manifest = decode(encoded);
  if (manifest.id !== id) throw malformed('answer', 'the manifest is that of another resource');
  if (compareVersions(manifest.version, answer.version) !== 0 || manifest.tombstone !== answer.tombstone) {
    throw malformed('answer', 'the manifest is that of another version');
  }
  return manifest;
}

function decode(encoded: Uint8Array): Manifest {
  try {
    return decodeManifest(encoded);
  } catch (cause) {
    // The key inside may be one that no object can have, which is the sender's mistake, not the caller's.
    throw new MurkyError('MURKY_BAD_MESSAGE', `A manifest is malformed: ${(cause as Error).message}`, { cause });
  }
}

function malformed(which: 'question' | 'answer', what: string): MurkyError {
  return new MurkyError('MURKY_BAD_MESSAGE', `A lookup ${which} is malformed: ${what}.`);
}
