import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_MESSAGE_BYTES } from '../../src/cluster/message-size.js';
import {
  decodeStatusRequest,
  decodeSummary,
  encodeStatusRequest,
  encodeSummary,
} from '../../src/cluster/summary-message.js';
import { isMurkyError } from '../../src/errors.js';
import { World } from '../simulation/world.js';

test('the bytes are those of docs/wire.md', () => {
  assert.is(encodeStatusRequest().toString('hex'), '01');
  assert.is(encodeSummary({ objects: 2 }).toString('latin1'), '\x01{"objects":2}');
});

test('facts come out as they went in, and those that do not fit are left out from the end', () => {
  const facts = { version: '0.1.0', objects: 2, idle: true, left: null };
  assert.equal(decodeSummary(encodeSummary(facts)), facts);
  const many = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [`fact${'abcdefghij'[i % 10]}${'x'.repeat(i / 10)}`, 'y'.repeat(64)]),
  );
  const bytes = encodeSummary(many);
  assert.ok(bytes.length <= MAX_MESSAGE_BYTES);
  const kept = Object.keys(decodeSummary(bytes));
  assert.equal(kept, Object.keys(many).slice(0, kept.length));
});

test('what is no flat object of short facts is refused', () => {
  const wrong = [
    '',
    '[]',
    'null',
    '{',
    '{"a":{}}',
    '{"a":[1]}',
    '{"A":1}',
    '{"__proto__":1}',
    `{"a":"${'y'.repeat(65)}"}`,
  ];
  for (const json of wrong) {
    const bytes = Buffer.concat([Buffer.of(1), Buffer.from(json)]);
    assert.throws(
      () => decodeSummary(bytes),
      (error: unknown) => isMurkyError(error, 'MURKY_BAD_MESSAGE'),
      json,
    );
  }
  assert.throws(() => decodeSummary(Buffer.from('\x02{}')), isMurkyError);
  assert.throws(() => decodeStatusRequest(Buffer.of(1, 1)), isMurkyError);
});

test('each node that is there says how it is', async () => {
  const world = new World();
  const [a, b, c] = await world.startAll(3);
  await world.kill(3);
  const summaries = await world.time.until(a!.cluster.summaries());
  assert.equal([...summaries.keys()], [b!.id]);
  assert.not(summaries.has(c!.id));
  await world.closeAll();
});

test.run();
