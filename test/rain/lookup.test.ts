import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MurkyError } from '../../src/errors.js';
import { resourceId } from '../../src/object/key.js';
import { BLOCK_BYTES, blockCount, encodeManifest, type Manifest, sha256 } from '../../src/object/manifest.js';
import { MAX_VERSION_TIME } from '../../src/object/version.js';
import { decodeLookup, decodeLookupAnswer, encodeLookup, encodeLookupAnswer } from '../../src/rain/lookup.js';
import { failure } from './rejects.js';

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const manifests = fc
  .record({
    key: fc.stringMatching(/^[a-z0-9/._-]{1,400}$/),
    time: fc.bigInt({ min: 0n, max: MAX_VERSION_TIME }),
    node: u64,
    tombstone: fc.boolean(),
    size: fc.integer({ min: 0, max: 60 * BLOCK_BYTES }),
    metadata: fc.dictionary(fc.string({ maxLength: 20 }), fc.string({ maxLength: 300 }), { maxKeys: 8 }),
  })
  .map(({ key, time, node, tombstone, metadata, ...rest }): Manifest => {
    const size = tombstone ? 0 : rest.size;
    const hash = (n: number) => Uint8Array.from(sha256(Buffer.from(`${key} ${n}`)));
    return {
      key,
      id: resourceId(key),
      version: { time, node },
      tombstone,
      size,
      blockBytes: BLOCK_BYTES,
      blockHashes: Array.from({ length: blockCount(size) }, (_, index) => hash(index)),
      sha256: hash(-1),
      metadata,
    };
  });

test('a question comes back as it was', () => {
  fc.assert(fc.property(u64, (id) => assert.is(decodeLookup(encodeLookup(id)), id)));
});

test('an answer comes back as it was, with the manifest where it fits into a datagram', () => {
  let inline = 0;
  let left = 0;
  fc.assert(
    fc.property(manifests, (manifest) => {
      const body = encodeLookupAnswer(manifest);
      const encoded = encodeManifest(manifest);
      assert.ok(body.length <= 1171);
      const answer = decodeLookupAnswer(body, manifest.id);
      assert.ok(answer.found);
      assert.equal(answer.version, manifest.version);
      assert.is(answer.tombstone, manifest.tombstone);
      assert.is(answer.manifestBytes, encoded.length);
      assert.equal(Buffer.from(answer.manifestSha256), sha256(encoded));
      if (answer.manifest) {
        inline++;
        assert.equal(encodeManifest(answer.manifest), encoded);
      } else {
        left++;
        assert.ok(53 + encoded.length > 1171);
      }
    }),
  );
  assert.ok(inline > 0 && left > 0, `both kinds occur: ${inline}, ${left}`);
});

test('an answer that names a version that no clock could go on from is refused', async () => {
  const [manifest] = fc.sample(manifests, 1);
  const body = encodeLookupAnswer({ ...manifest!, version: { time: 2n ** 64n - 1n, node: 1n } });
  await failure('MURKY_BAD_MESSAGE', async () => decodeLookupAnswer(body, manifest!.id));
});

test('"not here" is one byte', () => {
  assert.is(encodeLookupAnswer(undefined).length, 1);
  assert.not(decodeLookupAnswer(encodeLookupAnswer(undefined), 7n).found);
});

test('hostile bytes are refused, and nothing else happens', () => {
  const onlyMurky = (run: () => unknown) => {
    try {
      run();
    } catch (error) {
      assert.instance(error, MurkyError);
      assert.is((error as MurkyError).code, 'MURKY_BAD_MESSAGE');
    }
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1400 }), u64, (bytes, id) => onlyMurky(() => decodeLookupAnswer(bytes, id))),
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => onlyMurky(() => decodeLookup(bytes))));
  fc.assert(
    fc.property(manifests, fc.nat(), fc.integer({ min: 1, max: 255 }), (manifest, at, flip) => {
      const body = encodeLookupAnswer(manifest);
      const index = at % body.length;
      body[index] = body[index]! ^ flip;
      onlyMurky(() => decodeLookupAnswer(body, manifest.id));
    }),
    { numRuns: 500 },
  );
});

test('a changed byte in an inline manifest is noticed', async () => {
  const [manifest] = fc.sample(
    manifests.filter((one) => one.size < BLOCK_BYTES && encodeManifest(one).length < 1000),
    1,
  );
  const body = encodeLookupAnswer(manifest!);
  for (let index = 53; index < body.length; index++) {
    const changed = Buffer.from(body);
    changed[index] = changed[index]! ^ 1;
    await failure('MURKY_BAD_MESSAGE', () => decodeLookupAnswer(changed, manifest!.id));
  }
});

test('no prefix and no longer form of a message is taken', async () => {
  const [manifest] = fc.sample(
    manifests.filter((one) => encodeManifest(one).length < 1000),
    1,
  );
  const body = encodeLookupAnswer(manifest!);
  for (let length = 0; length < body.length; length++) {
    await failure('MURKY_BAD_MESSAGE', () => decodeLookupAnswer(body.subarray(0, length), manifest!.id));
  }
  await failure('MURKY_BAD_MESSAGE', () => decodeLookupAnswer(Buffer.concat([body, Buffer.alloc(1)]), manifest!.id));
  await failure('MURKY_BAD_MESSAGE', () => decodeLookupAnswer(Buffer.from([0, 0]), 1n));
  for (const length of [0, 7, 9]) await failure('MURKY_BAD_MESSAGE', () => decodeLookup(new Uint8Array(length)));
});

test("another resource's manifest is refused", async () => {
  const [manifest] = fc.sample(
    manifests.filter((one) => encodeManifest(one).length < 1000),
    1,
  );
  await failure('MURKY_BAD_MESSAGE', () => decodeLookupAnswer(encodeLookupAnswer(manifest), manifest!.id ^ 1n));
});

test.run();
