import { resourceId } from '../../src/object/key.js';
import { BLOCK_BYTES, blockCount, type Manifest, sha256 } from '../../src/object/manifest.js';
import type { Version } from '../../src/object/version.js';
import type { Role, Store } from '../../src/store/contract.js';

export const version = (time: number | bigint, node = 1n): Version => ({ time: BigInt(time), node });

/** Bytes that differ from one seed to the next and do not compress. */
export function content(size: number, seed: number): Buffer {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = (Math.imul(seed + 1, 2654435761) | 1) >>> 0;
  for (let i = 0; i < words.length; i++) {
    // Xorshift (Marsaglia 2003).
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return Buffer.from(words.buffer, 0, size);
}

export function manifestOf(key: string, value: Uint8Array, at: Version, blockBytes = BLOCK_BYTES): Manifest {
  const blocks = blockCount(value.length, blockBytes);
  return {
    key,
    id: resourceId(key),
    version: at,
    tombstone: false,
    size: value.length,
    blockBytes,
    blockHashes: Array.from({ length: blocks }, (_, i) =>
      Uint8Array.from(sha256(value.subarray(i * blockBytes, (i + 1) * blockBytes))),
    ),
    sha256: Uint8Array.from(sha256(value)),
    metadata: { 'content-type': 'application/octet-stream' },
  };
}

export async function put(
  store: Store,
  key: string,
  value: Uint8Array,
  at: Version,
  role: Role = 'replica',
  blockBytes = BLOCK_BYTES,
): Promise<'committed' | 'superseded' | 'already'> {
  return await putManifest(store, manifestOf(key, value, at, blockBytes), value, role);
}

export async function putManifest(
  store: Store,
  manifest: Manifest,
  value: Uint8Array,
  role: Role,
): Promise<'committed' | 'superseded' | 'already'> {
  const { blockBytes } = manifest;
  const writer = store.begin();
  try {
    for (let i = 0; i < manifest.blockHashes.length; i++) {
      await writer.write(i, value.subarray(i * blockBytes, (i + 1) * blockBytes));
    }
    return await writer.commit(manifest, role);
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** The value of a version, or of the current one; undefined unless every block is here. */
export async function read(store: Store, key: string, at?: Version): Promise<Buffer | undefined> {
  const id = resourceId(key);
  const manifest = at ? await store.manifest(id, at) : await store.current(id);
  if (!manifest || manifest.tombstone) return undefined;
  const blocks: Uint8Array[] = [];
  for (let i = 0; i < manifest.blockHashes.length; i++) {
    const block = await store.block(id, manifest.version, i);
    if (!block) return undefined;
    blocks.push(block);
  }
  return Buffer.concat(blocks);
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
