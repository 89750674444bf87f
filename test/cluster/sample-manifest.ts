import { resourceId } from '../../src/object/key.js';
import { BLOCK_BYTES, type Manifest, sha256 } from '../../src/object/manifest.js';

/** The one block of a sample. */
export const block = Buffer.from('a value');

export const manifestOf = (key: string): Manifest => ({
  key,
  id: resourceId(key),
  version: { time: 7n, node: 9n },
  tombstone: false,
  size: block.length,
  blockBytes: BLOCK_BYTES,
  blockHashes: [sha256(block)],
  sha256: sha256(block),
  metadata: {},
});
