import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  decodeHello,
  encodeHello,
  type Hello,
  MAX_KNOWN_PEERS,
  MAX_MESSAGE_BYTES,
} from '../../src/cluster/hello-message.js';
import { decodeAnswer, decodePropagate, encodeAnswer, encodePropagate } from '../../src/cluster/propagate-message.js';
import { isMurkyError } from '../../src/errors.js';
import { resourceId } from '../../src/object/key.js';
import { encodeManifest, type Manifest, sha256 } from '../../src/object/manifest.js';

const plainSelf = { weight: 1, zone: '', standby: false, left: false };
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const plain = { noNullPrototype: true };
const host = fc.oneof(fc.ipV4(), fc.constant('fd00::17'), fc.constant('node-1.example'));
const contact = fc.record({ host, port: fc.integer({ min: 1, max: 65535 }) }, plain);
const hello: fc.Arbitrary<Hello> = fc
  .record({
    id: u64,
    boot: u64,
    weight: fc.constantFrom(0, 0.5, 1, 1e6),
    zone: fc.constantFrom('', 'rack 7', 'süd'),
    standby: fc.boolean(),
    left: fc.boolean(),
    advertised: fc.option(contact, { nil: undefined }),
    known: fc.array(fc.record({ id: u64, contact }, plain), { maxLength: 20 }),
  })
  .map(({ advertised, ...rest }) => ({ ...rest, ...(advertised && { advertised }) }));

function manifest(blocks = 1): Manifest {
  const key = 'a key';
  const hashes = Array.from({ length: blocks }, (_, i) => Uint8Array.from(sha256(Buffer.of(i))));
  return {
    key,
    id: resourceId(key),
    version: { time: 7n, node: 9n },
    tombstone: false,
    size: blocks * 2 ** 20,
    blockBytes: 2 ** 20,
    blockHashes: hashes,
    sha256: Uint8Array.from(sha256(Buffer.of(1))),
    metadata: { 'content-type': 'text/plain' },
  };
}

test('a HELLO comes out as it went in', () => {
  fc.assert(fc.property(hello, (sent) => assert.equal(decodeHello(encodeHello(sent)), sent)));
});

test('the bytes are those of docs/wire.md', () => {
  const sent = encodeHello({
    id: 0x0102030405060708n,
    boot: 0x1112131415161718n,
    weight: 2,
    zone: 'rack',
    standby: true,
    left: false,
    advertised: { host: 'ab', port: 1980 },
    known: [{ id: 0x21n, contact: { host: '::1', port: 1 } }],
  });
  const contact = '02 6162 07bc';
  const peer = '0000000000000021 03 3a3a31 0001';
  const golden = `01 03 0102030405060708 1112131415161718 4000000000000000 04 7261636b ${contact} 0001 ${peer}`;
  assert.is(sent.toString('hex'), golden.replaceAll(' ', ''));

  const encoded = encodeManifest(manifest());
  const head = `01 ${manifest().id.toString(16).padStart(16, '0')} 00000000000000070000000000000009`;
  const length = encoded.length.toString(16).padStart(8, '0');
  const hash = sha256(encoded).toString('hex');
  assert.is(
    encodePropagate(manifest(), [{ host: 'ab', port: 1980 }]).toString('hex'),
    `${head} ${length} ${hash} 01 ${contact} ${encoded.toString('hex')}`.replaceAll(' ', ''),
  );

  const version = { time: 1n, node: 2n };
  assert.is(encodeAnswer({ kind: 'durable' }).toString('hex'), '01');
  assert.is(encodeAnswer({ kind: 'pending', blocks: 258 }).toString('hex'), '0200000102');
  assert.is(encodeAnswer({ kind: 'newer', version }).toString('hex'), '0300000000000000010000000000000002');
  assert.is(encodeAnswer({ kind: 'refused', code: 'MURKY_BUSY' }).toString('latin1'), '\x04MURKY_BUSY');
});

test('a HELLO fits a datagram however many peers are known', () => {
  const known = Array.from({ length: 500 }, (_, i) => ({
    id: BigInt(i),
    contact: { host: `${'long-name-'.repeat(20)}${i}`, port: 1980 },
  }));
  const bytes = encodeHello({ id: 1n, boot: 2n, ...plainSelf, known });
  assert.ok(bytes.length <= MAX_MESSAGE_BYTES);
  assert.ok(decodeHello(bytes).known.length > 0);
  const short = known.map((peer, i) => ({ ...peer, contact: { host: '10.0.0.1', port: i + 1 } }));
  assert.is(decodeHello(encodeHello({ id: 1n, boot: 2n, ...plainSelf, known: short })).known.length, MAX_KNOWN_PEERS);
});

test('a PROPAGATE carries its manifest where that fits', () => {
  const holders = [{ host: '10.0.0.9', port: 1980 }];
  const small = decodePropagate(encodePropagate(manifest(), holders));
  assert.equal(small.manifest, manifest());
  assert.equal(small.holders, holders);
  const large = manifest(1000);
  const bytes = encodePropagate(large, holders);
  assert.ok(bytes.length <= MAX_MESSAGE_BYTES);
  const decoded = decodePropagate(bytes);
  assert.is(decoded.manifest, undefined);
  assert.is(decoded.manifestBytes, encodeManifest(large).length);
  assert.equal(Buffer.from(decoded.manifestSha256), sha256(encodeManifest(large)));
});

test('a PROPAGATE of the longest key with the most holders fits a datagram', () => {
  const key = 'k'.repeat(1024);
  const holders = Array.from({ length: 20 }, (_, i) => ({ host: 'h'.repeat(250), port: i + 1 }));
  const bytes = encodePropagate({ ...manifest(), key, id: resourceId(key) }, holders);
  assert.ok(bytes.length <= MAX_MESSAGE_BYTES);
  decodePropagate(bytes);
});

test('a version that no clock could go on from is refused', () => {
  const version = { time: 2n ** 64n - 1n, node: 0n };
  const bytes = encodePropagate({ ...manifest(), version }, []);
  assert.throws(
    () => decodePropagate(bytes),
    (error: unknown) => isMurkyError(error, 'MURKY_BAD_MESSAGE'),
  );
});

test('answers come out as they went in', () => {
  const version = { time: 2n ** 63n, node: 3n };
  for (const answer of [
    { kind: 'durable' },
    { kind: 'pending', blocks: 4711 },
    { kind: 'newer', version },
    { kind: 'refused', code: 'MURKY_STORE_FULL' },
  ] as const) {
    assert.equal(decodeAnswer(encodeAnswer(answer)), answer);
  }
});

test('an unknown error code in an answer is a malformed answer', () => {
  const bytes = Buffer.concat([Buffer.of(4), Buffer.from('toString')]);
  assert.throws(
    () => decodeAnswer(bytes),
    (error: unknown) => isMurkyError(error, 'MURKY_BAD_MESSAGE'),
  );
});

const decoders = { HELLO: decodeHello, PROPAGATE: decodePropagate, ANSWER: decodeAnswer };
const genuine = [
  encodeHello({ id: 1n, boot: 2n, ...plainSelf, known: [] }),
  encodePropagate(manifest(), []),
  Buffer.of(1),
];

for (const [name, decode] of Object.entries(decoders)) {
  test(`hostile bytes for ${name} only ever give a MurkyError`, () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.constantFrom(...genuine), fc.nat(), fc.nat(255), fc.integer({ min: -5, max: 5 }))
        .map(([message, at, value, grow]) => {
          const changed = Buffer.concat([message, Buffer.alloc(5)]).subarray(0, Math.max(0, message.length + grow));
          if (changed.length > 0) changed[at % changed.length] = value;
          return Uint8Array.from(changed);
        }),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        try {
          decode(input);
        } catch (error) {
          assert.ok(isMurkyError(error), String(error));
        }
      }),
      { numRuns: 3000 },
    );
  });

  test(`every cut or lengthened ${name} is refused`, () => {
    const message = genuine[Object.keys(decoders).indexOf(name)]!;
    for (let length = 0; length < message.length; length++) {
      // Without its manifest a PROPAGATE is whole: the manifest is optional.
      if (name === 'PROPAGATE' && length === message.length - encodeManifest(manifest()).length) continue;
      assert.throws(() => decode(message.subarray(0, length)), isMurkyError, `${length} bytes`);
    }
    assert.throws(() => decode(Buffer.concat([message, Buffer.of(0)])), isMurkyError);
  });
}

test.run();
