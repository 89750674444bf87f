import { MurkyError } from '../errors.js';
import { blockLength, HASH_BYTES, type Manifest } from '../object/manifest.js';
import type { Version } from '../object/version.js';
import type { FetchOptions, LookupAnswer } from './contract.js';
import { nameOf } from './naming.js';
import { MANIFEST_BLOCK } from './serving.js';

/** With at most 48 bytes of header and seal it fits 1500 bytes over IPv6, and WireGuard's 1420 over IPv4. */
const DEFAULT_SYMBOL_BYTES = 1344;
const SYMBOL_ALIGNMENT = 64;

export interface PlannedBlock {
  /** As the wire names it. */
  readonly number: number;
  readonly bytes: number;
  readonly sha256: Uint8Array;
}

/** What a fetch is to bring, in order: the blocks of a version, or its manifest. */
export interface FetchPlan {
  readonly resource: bigint;
  /** Of an object; a manifest's plan has none. */
  readonly key?: string;
  /** How errors call it. */
  readonly name: string;
  readonly version: Version;
  readonly symbolBytes: number;
  /** Positions of the first block wanted and the one behind the last. */
  readonly first: number;
  readonly end: number;
  block(position: number): PlannedBlock;
}

/** MURKY_BAD_ARGUMENT if the range does not lie within the object. */
export function planBlocks(manifest: Manifest, options: Pick<FetchOptions, 'firstBlock' | 'endBlock'> = {}): FetchPlan {
  const count = manifest.blockHashes.length;
  const first = options.firstBlock ?? 0;
  const end = options.endBlock ?? count;
  if (!Number.isInteger(first) || !Number.isInteger(end) || first < 0 || first > end || end > count) {
    throw new MurkyError(
      'MURKY_BAD_ARGUMENT',
      `Blocks ${first} to ${end} are not within the object's ${count} blocks.`,
    );
  }
  return {
    resource: manifest.id,
    key: manifest.key,
    name: nameOf(manifest.id, manifest.key),
    version: manifest.version,
    symbolBytes: symbolBytes(first < count ? blockLength(manifest, first) : 1),
    first,
    end,
    block: (position) => ({
      number: position,
      bytes: blockLength(manifest, position),
      sha256: manifest.blockHashes[position] ?? new Uint8Array(HASH_BYTES),
    }),
  };
}

/** Bytes of all blocks of a plan: all but the last are equally long. */
export function plannedBytes({ first, end, block }: FetchPlan): number {
  return first === end ? 0 : (end - 1 - first) * block(first).bytes + block(end - 1).bytes;
}

/** The manifest that a lookup announced, as one block; `name` is how errors call the resource. */
export function planManifest(resource: bigint, name: string, answer: LookupAnswer): FetchPlan {
  return {
    resource,
    name,
    version: answer.version,
    symbolBytes: symbolBytes(answer.manifestBytes),
    first: 0,
    end: 1,
    block: () => ({ number: MANIFEST_BLOCK, bytes: answer.manifestBytes, sha256: answer.manifestSha256 }),
  };
}

/** No more than the largest block needs, so that a short value is not padded to a whole datagram. */
function symbolBytes(largestBlockBytes: number): number {
  return Math.min(DEFAULT_SYMBOL_BYTES, Math.ceil(largestBlockBytes / SYMBOL_ALIGNMENT) * SYMBOL_ALIGNMENT);
}
