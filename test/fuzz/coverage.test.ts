import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeLookupAnswer } from '../../src/rain/lookup.js';
import { Coverage, type Reached } from './coverage.js';
import { decoders } from './decoders.js';
import { judge } from './judge.js';

test('a message is new if it has code run that none had before it', () => {
  const decoder = decoders.find(({ name }) => name === 'answer to LOOKUP')!;
  const coverage = new Coverage('/src/');
  const reached: Reached = new Map();
  const isNew = (bytes: Uint8Array, keep = true) => {
    judge(decoder, bytes);
    return coverage.look(reached, keep);
  };
  const [found] = decoder.examples;
  assert.ok(isNew(encodeLookupAnswer(undefined)));
  assert.not(isNew(encodeLookupAnswer(undefined)));
  assert.ok(isNew(found!, false));
  assert.ok(isNew(found!), 'it was not kept before');
  assert.not(isNew(found!));
  assert.ok(isNew(found!.subarray(0, 40)), 'it is cut short');
  assert.not(isNew(found!.subarray(0, 41)), 'and so is this one, at the same place');
  coverage.close();
});

test.run();
