import { createHash } from 'node:crypto';
import { type Version, versionToBytes } from '../../object/version.js';

/** The id space is cut into so many ranges of equal length, twice: coarse ones, and leaves within each. */
export const FAN_OUT = 64;
export const LEAVES = FAN_OUT * FAN_OUT;
export const DIGEST_BYTES = 8;

const LEAF_SHIFT = 52n; // 64 bits of an id less the 12 that number its leaf

export function leafOf(id: bigint): number {
  return Number(id >> LEAF_SHIFT);
}

/** First and last id of a leaf. */
export function leafRange(leaf: number): { first: bigint; last: bigint } {
  const first = BigInt(leaf) << LEAF_SHIFT;
  return { first, last: first + (1n << LEAF_SHIFT) - 1n };
}

/** First 8 bytes of SHA-256 of id (8) and version (16), big-endian. */
export function entryDigest(id: bigint, version: Version): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(id);
  return createHash('sha256').update(bytes).update(versionToBytes(version)).digest().subarray(0, DIGEST_BYTES);
}

/**
 * A hash tree of two levels (Merkle) over what two nodes both own: the digest of a range is the XOR of the digests of
 * its entries, so that it does not depend on their order, and of the digests of the ranges within.
 */
export class Digests {
  readonly #leaves = Buffer.alloc(LEAVES * DIGEST_BYTES);
  readonly #coarse = Buffer.alloc(FAN_OUT * DIGEST_BYTES);

  add(leaf: number, digest: Uint8Array): void {
    xorInto(this.#leaves, leaf * DIGEST_BYTES, digest, 0);
    xorInto(this.#coarse, Math.floor(leaf / FAN_OUT) * DIGEST_BYTES, digest, 0);
  }

  clear(leaf: number): void {
    const from = leaf * DIGEST_BYTES;
    xorInto(this.#coarse, Math.floor(leaf / FAN_OUT) * DIGEST_BYTES, this.#leaves, from);
    this.#leaves.fill(0, from, from + DIGEST_BYTES);
  }

  /** The digests of the coarse ranges, one behind the other; valid until the next change. */
  coarse(): Buffer {
    return this.#coarse;
  }

  /** The digests of the leaves of a coarse range. */
  fine(coarse: number): Buffer {
    const bytes = FAN_OUT * DIGEST_BYTES;
    return this.#leaves.subarray(coarse * bytes, (coarse + 1) * bytes);
  }
}

/** Which of the digests are not the same: their places. */
export function differences(a: Uint8Array, b: Uint8Array): number[] {
  const places: number[] = [];
  if (Buffer.compare(a, b) === 0) return places;
  for (let i = 0; i < FAN_OUT; i++) {
    const from = i * DIGEST_BYTES;
    const to = from + DIGEST_BYTES;
    if (Buffer.compare(a.subarray(from, to), b.subarray(from, to)) !== 0) places.push(i);
  }
  return places;
}

function xorInto(into: Buffer, at: number, from: Uint8Array, fromAt: number): void {
  for (let i = 0; i < DIGEST_BYTES; i++) into[at + i] = into[at + i]! ^ from[fromAt + i]!;
}
