import { createHash, type Hash, hash } from 'node:crypto';
import { MurkyError } from '../errors.js';
import { MAX_OBJECT_BYTES } from '../object/manifest.js';
import { type Sha256, sha256Here } from '../seam/digest.js';
import type { BlockWriter } from '../store/contract.js';

/** What a manifest says of a value. */
export interface Written {
  readonly size: number;
  readonly blockHashes: Uint8Array[];
  readonly sha256: Uint8Array;
}

export interface WriteOptions {
  /** Bytes of the value, if they are known before. */
  readonly length?: number | undefined;
  /** Ends the write by what it throws, before the next block. */
  readonly check?: () => void;
  readonly sha256?: Sha256 | undefined;
}

/**
 * Stores block after block; one is hashed and written while the next one comes in. MURKY_TOO_LARGE, or
 * MURKY_BAD_REQUEST if they come to another length than was promised.
 */
export async function writeBlocks(
  key: string,
  blocks: AsyncIterable<Uint8Array>,
  writer: BlockWriter,
  options: WriteOptions,
): Promise<Written> {
  const { length, check, sha256 = sha256Here } = options;
  const blockHashes: Uint8Array[] = [];
  let size = 0;
  let first: Uint8Array | undefined;
  let whole: Hash | undefined;
  let working: Promise<void> = Promise.resolve();
  try {
    for await (const block of blocks) {
      check?.();
      size += block.length;
      if (size > MAX_OBJECT_BYTES) throw tooLarge(key);
      if (length !== undefined && size > length) throw wrongLength(key, length, 'more');
      await working;
      const index = blockHashes.length;
      blockHashes.push(new Uint8Array());
      working = both(writer.write(index, block), sha256(block), (hash) => {
        blockHashes[index] = hash;
      });
      working.catch(() => {}); // seen by the next await
      // Of a single block the hash is that of the whole.
      if (index === 0) first = block;
      else whole = (whole ?? createHash('sha256').update(first!)).update(block);
      if (index > 0) first = undefined;
    }
  } finally {
    await working;
  }
  if (length !== undefined && size < length) throw wrongLength(key, length, `only ${size}`);
  const [alone] = blockHashes;
  return { size, blockHashes, sha256: whole?.digest() ?? alone ?? hash('sha256', '', 'buffer') };
}

/** Waits for both even if one fails: the memory is in use until then. */
async function both(writing: Promise<void>, hashing: Promise<Uint8Array>, then: (hash: Uint8Array) => void) {
  const [written, hashed] = await Promise.allSettled([writing, hashing]);
  if (written.status === 'rejected') throw written.reason;
  if (hashed.status === 'rejected') throw hashed.reason;
  then(hashed.value);
}

export function tooLarge(key: string): MurkyError {
  return new MurkyError('MURKY_TOO_LARGE', `"${key}" has more than ${MAX_OBJECT_BYTES} bytes, the most of an object.`);
}

function wrongLength(key: string, expected: number, came: string): MurkyError {
  return new MurkyError(
    'MURKY_BAD_REQUEST',
    `"${key}" was to have ${expected} bytes, but ${came} came; nothing is stored.`,
  );
}
