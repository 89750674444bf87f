import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeEntry, encodeEntry } from '../../src/cluster/etcd/node-entry.js';
import { sampleEntry } from './sample-entry.js';

test('an entry comes out as it went in', () => {
  assert.equal(decodeEntry(encodeEntry(sampleEntry)), sampleEntry);
});

test('an entry with a number that cannot be written again is none', () => {
  for (const number of ['1e999', '2.5', '"3"', 'null']) {
    assert.is(decodeEntry(encodeEntry(sampleEntry).replace('"replicas":3', `"replicas":${number}`)), undefined, number);
  }
});

test.run();
