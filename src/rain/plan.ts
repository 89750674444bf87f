import { MurkyError } from '../errors.js';
import { blockLength, HASH_BYTES, type Manifest } from '../object/manifest.js';
import type { Version } from '../object/version.js';
import type { Address, FetchOptions, LookupAnswer } from './contract.js';
import { nameOf } from './naming.js';
import { MANIFEST_BLOCK } from './serving.js';
import { type KnownPath, symbolBytesFor } from './symbol-size.js';

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
  readonly largestBlockBytes: number;
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
  const largestBlockBytes = first < count ? blockLength(manifest, first) : 1;
  return {
    resource: manifest.id,
    key: manifest.key,
    name: nameOf(manifest.id, manifest.key),
    version: manifest.version,
    symbolBytes: symbolBytesFor(largestBlockBytes, []),
    largestBlockBytes,
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
    symbolBytes: symbolBytesFor(answer.manifestBytes, []),
    largestBlockBytes: answer.manifestBytes,
    first: 0,
    end: 1,
    block: () => ({ number: MANIFEST_BLOCK, bytes: answer.manifestBytes, sha256: answer.manifestSha256 }),
  };
}

/** The plan with symbols that fit the paths to these servers. */
export function fitToPaths(
  plan: FetchPlan,
  servers: readonly Address[],
  known: (server: Address) => Omit<KnownPath, 'host'>,
): FetchPlan {
  const paths = servers.map((server) => ({ host: server.host, ...known(server) }));
  return { ...plan, symbolBytes: symbolBytesFor(plan.largestBlockBytes, paths) };
}
