import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileWrites } from '../../src/native/file-writes.js';
import { sha256InPool } from '../../src/native/pool-digest.js';
import { punchHoles } from '../../src/native/punch-holes.js';
import { cutBlocks } from '../../src/node/cut.js';
import { type Written, writeBlocks } from '../../src/node/write-blocks.js';
import { resourceId } from '../../src/object/key.js';
import { BLOCK_BYTES, type Manifest } from '../../src/object/manifest.js';
import type { Role, Store } from '../../src/store/contract.js';
import { levelDiskWith } from '../../src/store/disk.js';
import { nodeFilesWith } from '../../src/store/node-files.js';
import { blockOfBytes } from '../loopback/bytes.js';

export const KIB = 2 ** 10;
export const MIB = 2 ** 20;
export const GIB = 2 ** 30;

/** As a node has it. */
export const nodeDisk = levelDiskWith(nodeFilesWith(punchHoles, fileWrites));

/** Runs `work` on a folder of its own, on the disk that TMPDIR names, and removes it. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'murky-bench-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Values of one size that differ from one object to the next and do not compress. Their memory is used again, so that
 * making them is no part of what is measured; nobody gets one that is in use.
 */
export class Values {
  readonly #free: Buffer[] = [];
  #made = 0;

  constructor(private readonly bytes: number) {}

  async use(number: number, work: (value: Uint8Array) => Promise<void>): Promise<void> {
    const value = this.#free.pop() ?? Buffer.from(blockOfBytes(this.bytes, this.#made++));
    value.writeUInt32LE(number >>> 0, 0);
    await work(value);
    this.#free.push(value);
  }
}

/** Puts a value as a node does, and by its code: blocks, hashes, then the manifest; durable when it resolves. */
export async function putObject(
  store: Store,
  key: string,
  value: Uint8Array,
  time: number,
  role: Role = 'replica',
): Promise<void> {
  const writer = store.begin();
  try {
    const written = await writeBlocks(key, cutBlocks(value, BLOCK_BYTES), writer, { sha256: sha256InPool });
    await writer.commit(manifestOf(key, time, written), role);
  } finally {
    await writer.abort(); // nothing after a commit
  }
}

/** Writes a value as a fetch from other nodes does, whose manifest is known before: block by block, kept on the way. */
export async function fetchObject(
  store: Store,
  key: string,
  value: Uint8Array,
  time: number,
  role: Role = 'replica',
): Promise<void> {
  const blocks: Uint8Array[] = [];
  for await (const block of cutBlocks(value, BLOCK_BYTES)) blocks.push(block);
  const [sha256, ...blockHashes] = await Promise.all([value, ...blocks].map(sha256InPool));
  const manifest = manifestOf(key, time, { size: value.length, sha256: sha256!, blockHashes });
  const writer = await store.resume(manifest);
  try {
    for (const [index, block] of blocks.entries()) await writer.write(index, block);
    await writer.commit(manifest, role);
  } finally {
    await writer.suspend(); // nothing after a commit
  }
}

function manifestOf(key: string, time: number, content: Written): Manifest {
  return {
    key,
    id: resourceId(key),
    version: { time: BigInt(time), node: 1n },
    tombstone: false,
    blockBytes: BLOCK_BYTES,
    metadata: { 'content-type': 'application/octet-stream' },
    ...content,
  };
}

/** Runs `work` for the numbers from `from` up to, not including, `to`, `workers` at a time. */
export async function inParallel(
  workers: number,
  from: number,
  to: number,
  work: (number: number) => Promise<void>,
): Promise<void> {
  let next = from;
  await Promise.all(
    Array.from({ length: workers }, async () => {
      while (next < to) await work(next++);
    }),
  );
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
