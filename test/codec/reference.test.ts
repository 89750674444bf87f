import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Encoder } from '../../src/codec/encoder.js';
import { randomBytes } from './random-bytes.js';
import { referenceEncoder } from './reference.js';

const SHAPES: [k: number, symbolBytes: number][] = [
  [1, 64],
  [2, 128],
  [5, 192],
  [16, 1344],
  [31, 64],
  [32, 320],
  [33, 64],
  [34, 1344],
  [64, 448],
  [127, 64],
  [129, 192],
  [256, 64],
  [781, 128],
  [1024, 64],
  [1025, 64],
  [8192, 64],
];

for (const [k, symbolBytes] of SHAPES) {
  test(`native and reference make the same symbols for K = ${k}, S = ${symbolBytes}`, () => {
    const block = randomBytes(k * symbolBytes - 5, k + symbolBytes);
    const encoder = new Encoder(block, symbolBytes);
    const reference = referenceEncoder(block, symbolBytes);
    assert.is(encoder.k, k);
    const esis = [0, k - 1, 2 ** 16, 2 ** 24 - 2, 2 ** 24 - 1];
    for (let n = 0; n < 300; n++) esis.push(k + n);
    for (const esi of esis) {
      assert.ok(Buffer.compare(encoder.symbol(esi), reference(esi)) === 0, `symbol ${esi}`);
    }
  });
}

test.run();
