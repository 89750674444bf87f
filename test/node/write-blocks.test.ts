import { createHash } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cutBlocks } from '../../src/node/cut.js';
import { writeBlocks } from '../../src/node/write-blocks.js';
import type { BlockWriter } from '../../src/store/contract.js';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test('a manifest has the SHA-256 of the whole value, of however many blocks, and that of each block', async () => {
  const blockBytes = 10;
  for (const length of [0, 1, 10, 11, 20, 25, 30, 57]) {
    const value = Buffer.from(Array.from({ length }, (_, i) => (i * 7 + 1) % 256));
    const stored: Uint8Array[] = [];
    const writer = { write: async (index: number, bytes: Uint8Array) => stored.splice(index, 1, Buffer.from(bytes)) };
    const written = await writeBlocks('key', cutBlocks(value, blockBytes), writer as unknown as BlockWriter, {});
    assert.is(written.size, length);
    assert.is(hex(written.sha256), sha256(value), `${length} bytes`);
    assert.equal(written.blockHashes.map(hex), stored.map(sha256));
    assert.equal(Buffer.concat(stored), value);
  }
});

test.run();
