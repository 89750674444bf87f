import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Encoder } from '../../src/codec/encoder.js';
import { symbolDigest, vectors } from './vectors.js';

// Frozen: a change here is a change of the wire format. Printed once with
//   node --import tsx -e "import('./test/codec/vectors.ts').then((m) => console.log(JSON.stringify(m.vectors())))"
const golden = JSON.parse(readFileSync(new URL('../vectors/codec.json', import.meta.url), 'utf8'));

test('the reference draws what the golden vectors say', () => {
  assert.equal(JSON.parse(JSON.stringify(vectors())), golden);
});

for (const { k, symbolBytes, sha256 } of golden.symbols) {
  test(`native repair symbols are the golden ones for K = ${k}, S = ${symbolBytes}`, () => {
    const native = (block: Uint8Array, bytes: number) => {
      const encoder = new Encoder(block, bytes);
      return (esi: number) => encoder.symbol(esi);
    };
    assert.is(symbolDigest(k, symbolBytes, native), sha256);
  });
}

test.run();
