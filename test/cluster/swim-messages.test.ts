import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeRecord, MEMBER_STATUSES, type MemberRecord, supersedes } from '../../src/cluster/member-record.js';
import { MAX_MESSAGE_BYTES } from '../../src/cluster/message-size.js';
import { OctetReader } from '../../src/cluster/octets.js';
import { decodePing, encodePing, MAX_NEWS, type Ping } from '../../src/cluster/swim/ping-message.js';
import {
  decodeRelay,
  decodeRelayAnswer,
  encodeRelay,
  encodeRelayAnswer,
} from '../../src/cluster/swim/relay-message.js';
import { decodePage, decodeSync, encodePage, encodeSync } from '../../src/cluster/swim/sync-message.js';
import { isMurkyError } from '../../src/errors.js';

const plain = { noNullPrototype: true };
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const host = fc.oneof(fc.ipV4(), fc.constant('fd00::17'), fc.constant('node-1.example'));
const contact = fc.record({ host, port: fc.integer({ min: 1, max: 65535 }) }, plain);
const weight = fc.constantFrom(0, 0.5, 1, 1e6);
const zone = fc.constantFrom('', 'rack 7', 'süd', 'z'.repeat(32));
const status = fc.constantFrom(...MEMBER_STATUSES);
const record: fc.Arbitrary<MemberRecord> = fc.record(
  { id: u64, incarnation: u32, status, ageMs: u32, weight, zone, standby: fc.boolean(), contact },
  plain,
);
const ping: fc.Arbitrary<Ping> = fc
  .record(
    {
      self: fc.record(
        { id: u64, boot: u64, incarnation: u32, weight, zone, standby: fc.boolean(), left: fc.boolean() },
        plain,
      ),
      advertised: fc.option(contact, { nil: undefined }),
      to: u64,
      belief: fc.record({ incarnation: u32, status }, plain),
      wallMs: fc.integer({ min: 0, max: 2 ** 48 }),
      settings: fc.record(
        {
          replicas: fc.nat(16),
          writeQuorum: fc.constantFrom<1 | 16 | 'majority'>('majority', 1, 16),
          graceSeconds: u32,
        },
        plain,
      ),
      digest: u64,
      news: fc.array(record, { maxLength: 10 }),
    },
    plain,
  )
  .map(({ advertised, self, ...rest }) => ({ ...rest, self: { ...self, ...(advertised && { advertised }) } }));

const GOLDEN: Ping = {
  self: {
    id: 0x0102030405060708n,
    boot: 0x1112131415161718n,
    incarnation: 5,
    weight: 2,
    zone: 'rack',
    standby: true,
    left: false,
    advertised: { host: 'ab', port: 1980 },
  },
  to: 0x21n,
  belief: { incarnation: 3, status: 'suspect' },
  wallMs: 1,
  settings: { replicas: 3, writeQuorum: 2, graceSeconds: 600 },
  digest: 0x3132333435363738n,
  news: [
    {
      id: 0x41n,
      incarnation: 9,
      status: 'away',
      ageMs: 258,
      weight: 1,
      zone: '',
      standby: true,
      contact: { host: '::1', port: 1 },
    },
  ],
};
const GOLDEN_RECORD = '0000000000000041 00000009 06 00000102 3ff0000000000000 00 03 3a3a31 0001';
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const packed = (text: string) => text.replaceAll(' ', '');

test('the bytes are those of docs/wire.md', () => {
  const head = '01 0000000000000021 00000003 01 3ff0000000000000 03 02 00000258 3132333435363738';
  const self = '0102030405060708 1112131415161718 00000005 03 4000000000000000 04 7261636b 02 6162 07bc';
  assert.is(hex(encodePing(GOLDEN).bytes), packed(`${head} ${self} 01 ${GOLDEN_RECORD}`));
  assert.is(
    hex(encodeRelay({ target: 0x21n, contact: { host: 'ab', port: 1980 } })),
    packed('01 0000000000000021 02 6162 07bc'),
  );
  assert.equal([hex(encodeRelayAnswer(true)), hex(encodeRelayAnswer(false))], ['01', '00']);
  assert.is(hex(encodeSync(0x21n)), packed('01 0000000000000021'));
  assert.is(hex(encodePage(GOLDEN.news)), packed(`01 00 01 ${GOLDEN_RECORD}`));
});

test('what is said comes out as it went in', () => {
  fc.assert(fc.property(ping, (sent) => assert.equal(decodePing(encodePing(sent).bytes), sent)));
  fc.assert(
    fc.property(fc.array(record, { maxLength: 12 }), (records) =>
      assert.equal(decodePage(encodePage(records)), { records, more: false }),
    ),
  );
  const relay = { target: 5n, contact: { host: '10.0.0.1', port: 7 } };
  assert.equal(decodeRelay(encodeRelay(relay)), relay);
  assert.equal(
    [true, false].map((reached) => decodeRelayAnswer(encodeRelayAnswer(reached))),
    [true, false],
  );
  assert.is(decodeSync(encodeSync(7n)), 7n);
});

test('a PING and a page fit a datagram whatever there is to tell', () => {
  const long = { host: `${'a'.repeat(250)}`, port: 1980 };
  const news = Array.from({ length: 300 }, (_, i) => ({
    ...GOLDEN.news[0]!,
    id: BigInt(i),
    zone: 'z'.repeat(32),
    contact: long,
  }));
  const { bytes, told } = encodePing({
    ...GOLDEN,
    self: { ...GOLDEN.self, zone: 'z'.repeat(32), advertised: long },
    news,
  });
  assert.ok(bytes.length <= MAX_MESSAGE_BYTES);
  assert.ok(told > 0);
  assert.is(decodePing(bytes).news.length, told);
  const short = news.map((one) => ({ ...one, contact: { host: '10.0.0.1', port: 1 } }));
  assert.is(decodePing(encodePing({ ...GOLDEN, news: short }).bytes).news.length, MAX_NEWS);
  const page = encodePage(news);
  assert.ok(page.length <= MAX_MESSAGE_BYTES);
  assert.ok(decodePage(page).more);
});

test('news on a node is in one order: the greater incarnation, then the worse', () => {
  const belief = fc.record({ incarnation: fc.nat(3), status });
  fc.assert(
    fc.property(belief, belief, belief, (a, b, c) => {
      const same = a.incarnation === b.incarnation && a.status === b.status;
      assert.is(supersedes(a, b), !same && !supersedes(b, a));
      if (supersedes(a, b) && supersedes(b, c)) assert.ok(supersedes(a, c));
    }),
  );
  assert.ok(supersedes({ incarnation: 2, status: 'alive' }, { incarnation: 1, status: 'left' }));
  assert.ok(supersedes({ incarnation: 1, status: 'away' }, { incarnation: 1, status: 'suspect' }));
  assert.not(supersedes({ incarnation: 1, status: 'alive' }, { incarnation: 1, status: 'suspect' }));
});

const decoders = {
  PING: [decodePing, encodePing(GOLDEN).bytes],
  RELAY: [decodeRelay, encodeRelay({ target: 1n, contact: { host: 'ab', port: 1 } })],
  'answer to RELAY': [decodeRelayAnswer, encodeRelayAnswer(true)],
  SYNC: [decodeSync, encodeSync(1n)],
  'answer to SYNC': [decodePage, encodePage(GOLDEN.news)],
} as const;

for (const [name, [decode, genuine]] of Object.entries(decoders)) {
  test(`hostile bytes for a ${name} only ever give a MurkyError`, () => {
    const changed = fc.tuple(fc.nat(), fc.nat(255)).map(([at, value]) => {
      const bytes = Uint8Array.from(genuine);
      bytes[at % bytes.length] = value;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), changed), (bytes) => {
        try {
          decode(bytes);
        } catch (error) {
          assert.ok(isMurkyError(error, 'MURKY_BAD_MESSAGE'), String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });

  test(`every cut or lengthened ${name} is refused`, () => {
    for (let length = 0; length < genuine.length; length++) {
      assert.throws(() => decode(genuine.subarray(0, length)), isMurkyError, `${length} bytes`);
    }
    assert.throws(() => decode(Buffer.concat([genuine, Buffer.of(0)])), isMurkyError);
  });
}

test('a record is as long as docs/wire.md says', () => {
  const bytes = encodeRecord(GOLDEN.news[0]!);
  assert.is(bytes.length, 8 + 4 + 1 + 4 + 8 + 1 + 0 + 1 + 3 + 2);
  new OctetReader(bytes, 'A record').take(bytes.length);
});

test.run();
