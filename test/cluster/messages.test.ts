import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_MESSAGE_BYTES } from '../../src/cluster/message-size.js';
import { decodeAnswer, decodePropagate, encodeAnswer, encodePropagate } from '../../src/cluster/propagate-message.js';
import { isMurkyError } from '../../src/errors.js';
import { resourceId } from '../../src/object/key.js';
import { encodeManifest, type Manifest, sha256 } from '../../src/object/manifest.js';

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

const OWNER = 0x0123456789abcdefn;

test('the bytes are those of docs/wire.md', () => {
  const contact = '02 6162 07bc';
  const encoded = encodeManifest(manifest());
  const head = `03 00 0123456789abcdef ${manifest().id.toString(16).padStart(16, '0')} 00000000000000070000000000000009`;
  const length = encoded.length.toString(16).padStart(8, '0');
  const hash = sha256(encoded).toString('hex');
  assert.is(
    encodePropagate(OWNER, manifest(), [{ host: 'ab', port: 1980 }]).toString('hex'),
    `${head} ${length} ${hash} 01 ${contact} ${encoded.toString('hex')}`.replaceAll(' ', ''),
  );

  assert.is(encodePropagate(OWNER, manifest(), [], true)[1], 1);

  const version = { time: 1n, node: 2n };
  assert.is(encodeAnswer({ kind: 'durable' }).toString('hex'), '01');
  assert.is(encodeAnswer({ kind: 'pending', blocks: 258, ahead: 3 }).toString('hex'), '020000010200000003');
  assert.is(encodeAnswer({ kind: 'newer', version }).toString('hex'), '0300000000000000010000000000000002');
  assert.is(encodeAnswer({ kind: 'refused', code: 'MURKY_BUSY' }).toString('latin1'), '\x04MURKY_BUSY');
});

test('a PROPAGATE carries its manifest where that fits', () => {
  const holders = [{ host: '10.0.0.9', port: 1980 }];
  const small = decodePropagate(encodePropagate(OWNER, manifest(), holders));
  assert.equal(small.manifest, manifest());
  assert.equal(small.holders, holders);
  assert.is(small.repair, false);
  assert.is(decodePropagate(encodePropagate(OWNER, manifest(), holders, true)).repair, true);
  const large = manifest(1000);
  const bytes = encodePropagate(OWNER, large, holders);
  assert.ok(bytes.length <= MAX_MESSAGE_BYTES);
  const decoded = decodePropagate(bytes);
  assert.is(decoded.manifest, undefined);
  assert.is(decoded.manifestBytes, encodeManifest(large).length);
  assert.equal(Buffer.from(decoded.manifestSha256), sha256(encodeManifest(large)));
});

test('a PROPAGATE of the longest key with the most holders fits a datagram', () => {
  const key = 'k'.repeat(1024);
  const holders = Array.from({ length: 20 }, (_, i) => ({ host: 'h'.repeat(250), port: i + 1 }));
  const bytes = encodePropagate(OWNER, { ...manifest(), key, id: resourceId(key) }, holders);
  assert.ok(bytes.length <= MAX_MESSAGE_BYTES);
  decodePropagate(bytes);
});

test('a version that no clock could go on from is refused', () => {
  const version = { time: 2n ** 64n - 1n, node: 0n };
  const bytes = encodePropagate(OWNER, { ...manifest(), version }, []);
  assert.throws(
    () => decodePropagate(bytes),
    (error: unknown) => isMurkyError(error, 'MURKY_BAD_MESSAGE'),
  );
  const answer = encodeAnswer({ kind: 'newer', version });
  assert.throws(
    () => decodeAnswer(answer),
    (error: unknown) => isMurkyError(error, 'MURKY_BAD_MESSAGE'),
  );
});

test('answers come out as they went in', () => {
  const version = { time: 2n ** 63n, node: 3n };
  for (const answer of [
    { kind: 'durable' },
    { kind: 'pending', blocks: 4711, ahead: 42 },
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

const decoders = { PROPAGATE: decodePropagate, ANSWER: decodeAnswer };
const genuine = [encodePropagate(OWNER, manifest(), []), Buffer.of(1)];

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
