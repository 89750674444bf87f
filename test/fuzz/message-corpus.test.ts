import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decoders } from './decoders.js';
import { judge } from './judge.js';
import { corpusFolderOf, corpusFolders, corpusOf } from './message-corpus.js';

for (const decoder of decoders) {
  test(`what the fuzzer kept for the decoder of ${decoder.name} is taken or refused as it should be`, () => {
    for (const message of decoder.examples) judge(decoder, message);
    const refused = corpusOf(decoder.name).filter((message) => judge(decoder, message) === 'refused');
    assert.ok(refused.length > 0, 'none is refused');
  });
}

test('no folder of the corpus is without a decoder', () => {
  assert.equal(corpusFolders(), decoders.map(({ name }) => corpusFolderOf(name)).sort());
});

test.run();
