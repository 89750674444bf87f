import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_MESSAGE_BYTES } from '../../src/cluster/message-size.js';
import {
  type Compare,
  type CompareAnswer,
  decodeCompare,
  decodeCompareAnswer,
  encodeCompare,
  encodeCompareAnswer,
  MAX_HOLDINGS,
} from '../../src/cluster/repair/compare-message.js';
import { Digests, differences, entryDigest, FAN_OUT, leafOf, leafRange } from '../../src/cluster/repair/digests.js';
import { decodeEntry, encodeEntry } from '../../src/cluster/repair/entry.js';
import { isMurkyError } from '../../src/errors.js';

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const plain = { noNullPrototype: true };
const version = fc.record({ time: fc.bigInt({ min: 0n, max: 2n ** 63n }), node: u64 }, plain);
const holdings = fc.array(fc.record({ id: u64, version }, plain), { maxLength: MAX_HOLDINGS });
const digests = fc.uint8Array({ minLength: 512, maxLength: 512 });

const messages: fc.Arbitrary<Compare> = fc.oneof(
  fc
    .tuple(u64, fc.option(fc.nat(FAN_OUT - 1), { nil: undefined }), digests)
    .map(([sender, coarse, digests]): Compare => {
      return { kind: 'digests', sender, ...(coarse !== undefined && { coarse }), digests };
    }),
  fc.tuple(u64, u64, u64, holdings).map(([sender, a, b, holdings]): Compare => {
    const [first, last] = a < b ? [a, b] : [b, a];
    return { kind: 'list', sender, first, last, holdings };
  }),
);
const answers: fc.Arbitrary<CompareAnswer> = fc.oneof(
  fc.constant({ kind: 'later' } as const),
  fc.uniqueArray(fc.nat(FAN_OUT - 1)).map((places): CompareAnswer => {
    return { kind: 'different', places: places.sort((a, b) => a - b) };
  }),
  fc
    .tuple(holdings, fc.option(u64, { nil: undefined }))
    .map(([holdings, next]): CompareAnswer => ({ kind: 'lacking', holdings, ...(next !== undefined && { next }) })),
);

test('COMPARE and its answer come out as they went in, and fit a datagram', () => {
  fc.assert(
    fc.property(messages, answers, (message, answer) => {
      assert.equal(decodeCompare(encodeCompare(message)), message);
      assert.equal(decodeCompareAnswer(encodeCompareAnswer(answer)), answer);
      assert.ok(encodeCompare(message).length <= MAX_MESSAGE_BYTES);
      assert.ok(encodeCompareAnswer(answer).length <= MAX_MESSAGE_BYTES);
    }),
  );
});

test('the bytes are those of docs/wire.md', () => {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  const sender = 0x0102030405060708n;
  const all = new Uint8Array(512).fill(0xab);
  assert.is(hex(encodeCompare({ kind: 'digests', sender, digests: all })), `01010102030405060708ff${'ab'.repeat(512)}`);
  const fine = encodeCompare({ kind: 'digests', sender, coarse: 63, digests: all });
  assert.is(hex(fine), `010101020304050607083f${'ab'.repeat(512)}`);
  const held = { id: 0x11n, version: { time: 0x22n, node: 0x33n } };
  const heldHex = '000000000000001100000000000000220000000000000033';
  assert.is(
    hex(encodeCompare({ kind: 'list', sender, first: 1n, last: 2n ** 64n - 1n, holdings: [held] })),
    `010201020304050607080000000000000001ffffffffffffffff01${heldHex}`,
  );
  assert.is(hex(encodeCompareAnswer({ kind: 'later' })), '01');
  assert.is(hex(encodeCompareAnswer({ kind: 'different', places: [0, 63] })), '028000000000000001');
  assert.is(hex(encodeCompareAnswer({ kind: 'lacking', holdings: [held] })), `0300000000000000000001${heldHex}`);
  assert.is(
    hex(encodeCompareAnswer({ kind: 'lacking', holdings: [held], next: 5n })),
    `0301000000000000000501${heldHex}`,
  );
});

test('a queue entry on the disk has the bytes of docs/disk-format.md', () => {
  const entry = { version: { time: 1n, node: 2n }, look: true, copies: 3, owed: [4n] };
  const bytes = encodeEntry(entry);
  assert.is(bytes.toString('hex'), `01010301${'0000000000000001'}${'0000000000000002'}${'0000000000000004'}`);
  assert.equal(decodeEntry(bytes), entry);
});

test('hostile bytes only ever give a MurkyError', () => {
  const genuine = [
    encodeCompare({ kind: 'digests', sender: 1n, digests: new Uint8Array(512) }),
    encodeCompare({ kind: 'list', sender: 1n, first: 0n, last: 9n, holdings: [] }),
    encodeCompareAnswer({ kind: 'lacking', holdings: [] }),
  ];
  const changed = fc
    .tuple(fc.constantFrom(...genuine), fc.nat(), fc.nat(255), fc.integer({ min: -5, max: 5 }))
    .map(([message, at, value, grow]) => {
      const bytes = Buffer.concat([message, Buffer.alloc(5)]).subarray(0, Math.max(1, message.length + grow));
      bytes[at % bytes.length] = value;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), changed), (bytes) => {
      for (const decode of [decodeCompare, decodeCompareAnswer, decodeEntry]) {
        try {
          decode(bytes);
        } catch (error) {
          assert.ok(isMurkyError(error, 'MURKY_BAD_MESSAGE'), String(error));
        }
      }
    }),
    { numRuns: 2000 },
  );
});

test('digests tell exactly the leaves that differ, whatever the order', () => {
  const entries = fc.uniqueArray(fc.record({ id: u64, version }, plain), { selector: ({ id }) => id, maxLength: 40 });
  fc.assert(
    fc.property(entries, fc.nat(), ([...held], pick) => {
      const digestsOf = (some: typeof held) => {
        const digests = new Digests();
        for (const { id, version } of some) digests.add(leafOf(id), entryDigest(id, version));
        return digests;
      };
      const a = digestsOf(held);
      const same = digestsOf([...held].reverse());
      assert.equal(differences(a.coarse(), same.coarse()), []);
      if (held.length === 0) return;
      const odd = held[pick % held.length]!;
      const b = digestsOf(held.filter((one) => one !== odd));
      const leaf = leafOf(odd.id);
      const coarse = Math.floor(leaf / FAN_OUT);
      assert.equal(differences(a.coarse(), b.coarse()), [coarse]);
      assert.equal(differences(a.fine(coarse), b.fine(coarse)), [leaf % FAN_OUT]);
      const { first, last } = leafRange(leaf);
      assert.ok(odd.id >= first && odd.id <= last);
    }),
  );
});

test.run();
