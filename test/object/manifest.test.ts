import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isMurkyError } from '../../src/errors.js';
import { resourceId } from '../../src/object/key.js';
import {
  BLOCK_BYTES,
  blockCount,
  blockLength,
  decodeManifest,
  encodeManifest,
  MAX_METADATA_BYTES,
  MAX_OBJECT_BYTES,
  type Manifest,
  sha256,
  tombstone,
} from '../../src/object/manifest.js';
import { MAX_VERSION_TIME } from '../../src/object/version.js';

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const key = fc
  .string({ minLength: 1, maxLength: 40, unit: 'binary' })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: keys have none
  .filter((text) => text.isWellFormed() && !/[\u0000-\u001f\u007f]/.test(text));
const text = fc.string({ maxLength: 60, unit: 'binary' });
const anyManifest: fc.Arbitrary<Manifest> = fc
  .record({
    key,
    version: fc.record({ time: fc.bigInt({ min: 0n, max: MAX_VERSION_TIME }), node: u64 }, { noNullPrototype: true }),
    blockBytes: fc.integer({ min: 1, max: BLOCK_BYTES }),
    blocks: fc.integer({ min: 0, max: 12 }),
    short: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    sha256: hash,
    metadata: fc.dictionary(text, text, { maxKeys: 6 }),
    hashes: fc.array(hash, { minLength: 12, maxLength: 12 }),
  })
  .map(({ blocks, short, hashes, ...rest }) => ({
    ...rest,
    id: resourceId(rest.key),
    tombstone: false,
    size: blocks === 0 ? 0 : blocks * rest.blockBytes - Math.floor(short * rest.blockBytes),
    blockHashes: hashes.slice(0, blocks),
  }));

/** Own entries, whatever their names: `__proto__` is a name like any other. */
const plain = (manifest: Manifest) => ({ ...manifest, metadata: Object.entries(manifest.metadata).sort() });

const malformed = (bytes: Uint8Array, what = '') =>
  assert.throws(
    () => decodeManifest(bytes),
    (error: unknown) => isMurkyError(error, 'MURKY_BAD_MESSAGE'),
    what,
  );

const example = (): Manifest => ({
  key: 'a',
  id: resourceId('a'),
  version: { time: 0x0102030405060708n, node: 0x1112131415161718n },
  tombstone: false,
  size: BLOCK_BYTES + 1,
  blockBytes: BLOCK_BYTES,
  blockHashes: [new Uint8Array(32).fill(0xaa), new Uint8Array(32).fill(0xbb)],
  sha256: new Uint8Array(32).fill(0xcc),
  metadata: { b: '', 'content-type': 'text/plain', a: 'é' },
});

test('a manifest survives its bytes', () => {
  fc.assert(
    fc.property(anyManifest, (manifest) => {
      const bytes = encodeManifest(manifest);
      const decoded = decodeManifest(bytes);
      assert.equal(plain(decoded), plain(manifest));
      assert.equal(encodeManifest(decoded), bytes);
    }),
  );
});

test('the bytes are those of the offset table', () => {
  const golden = [
    '01',
    '00',
    'ca978112ca1bbdca', // sha256("a")
    '0102030405060708',
    '1112131415161718',
    '0000000000100001',
    '00100000',
    'cc'.repeat(32),
    '0001',
    '0003',
    '00000002',
    '61',
    '0001610002c3a9',
    '0001620000',
    '000c636f6e74656e742d74797065000a746578742f706c61696e',
    'aa'.repeat(32),
    'bb'.repeat(32),
  ].join('');
  assert.is(encodeManifest(example()).toString('hex'), golden);
});

test('equal manifests have equal bytes, in whatever order their metadata was given', () => {
  const { metadata, ...rest } = example();
  const turned = Object.fromEntries(Object.entries(metadata).reverse());
  assert.equal(encodeManifest({ ...rest, metadata: turned }), encodeManifest(example()));
});

test('cut short at any byte, or with a byte behind it, it is refused', () => {
  const bytes = encodeManifest(example());
  for (let length = 0; length < bytes.length; length++) malformed(bytes.subarray(0, length), `cut to ${length}`);
  malformed(Buffer.concat([bytes, Buffer.alloc(1)]));
});

test('fields that contradict one another or go over a limit are refused', () => {
  const changed = (change: (bytes: Buffer) => void) => {
    const bytes = encodeManifest(example());
    change(bytes);
    malformed(bytes, change.toString());
  };
  changed((bytes) => bytes.writeUInt8(2, 0));
  changed((bytes) => bytes.writeUInt8(2, 1));
  changed((bytes) => bytes.writeUInt8(1, 1)); // a tombstone with a value
  changed((bytes) => bytes.writeUInt8(bytes.readUInt8(9) ^ 1, 9));
  changed((bytes) => bytes.writeBigUInt64BE(2n ** 64n - 1n, 10)); // a version that no clock could go on from
  changed((bytes) => bytes.writeBigUInt64BE(BigInt(MAX_OBJECT_BYTES) + 1n, 26));
  changed((bytes) => bytes.writeBigUInt64BE(2n ** 64n - 1n, 26));
  changed((bytes) => bytes.writeBigUInt64BE(1n, 26));
  changed((bytes) => bytes.writeUInt32BE(0, 34));
  changed((bytes) => bytes.writeUInt32BE(BLOCK_BYTES + 1, 34));
  changed((bytes) => bytes.writeUInt16BE(0, 70));
  changed((bytes) => bytes.writeUInt16BE(1025, 70));
  changed((bytes) => bytes.writeUInt16BE(2, 72));
  changed((bytes) => bytes.writeUInt16BE(65535, 72));
  changed((bytes) => bytes.writeUInt32BE(2 ** 32 - 1, 74));
  changed((bytes) => bytes.writeUInt8(0xff, 78));
  changed((bytes) => bytes.writeUInt8(0x0a, 78));
  changed((bytes) => bytes.write('c', 81)); // metadata names out of order
  changed((bytes) => bytes.write('a', 88)); // a name that comes twice
});

test('hostile bytes are refused or are a manifest: nothing else comes out', () => {
  const refusedOrExact = (bytes: Uint8Array) => {
    try {
      assert.equal(encodeManifest(decodeManifest(bytes)), Buffer.from(bytes), 'there is one form only');
    } catch (error) {
      if (!isMurkyError(error, 'MURKY_BAD_MESSAGE')) throw error;
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), refusedOrExact), { numRuns: 500 });
  const mutation = fc.record({ at: fc.nat(400), to: fc.nat(255) });
  fc.assert(
    fc.property(anyManifest, fc.array(mutation, { minLength: 1, maxLength: 3 }), (manifest, mutations) => {
      const bytes = encodeManifest(manifest);
      for (const { at, to } of mutations) bytes[at % bytes.length] = to;
      refusedOrExact(bytes);
    }),
    { numRuns: 1000 },
  );
});

test('metadata over its limit, or not Unicode, is refused on both ways', () => {
  const refused = (metadata: Record<string, string>) =>
    assert.throws(
      () => encodeManifest({ ...example(), metadata }),
      (error: unknown) => isMurkyError(error, 'MURKY_BAD_REQUEST'),
    );
  refused({ a: 'x'.repeat(MAX_METADATA_BYTES) });
  refused({ a: '\ud800' });
  refused({ '\udc00': '' });
  const most = { ...example(), metadata: { a: 'x'.repeat(MAX_METADATA_BYTES - 1) } };
  assert.equal(decodeManifest(encodeManifest(most)), most);
  const name = Buffer.from([0, 1, 0x61]);
  const value = Buffer.concat([Buffer.from([0x20, 0x00]), Buffer.alloc(0x2000, 'x')]);
  const bytes = encodeManifest({ ...example(), metadata: {} });
  bytes.writeUInt16BE(1, 72);
  malformed(Buffer.concat([bytes.subarray(0, 79), name, value, bytes.subarray(79)]));
});

test('a decoded manifest does not change with the buffer that it came from', () => {
  const bytes = encodeManifest(example());
  const decoded = decodeManifest(bytes);
  bytes.fill(0);
  assert.equal(decoded, decodeManifest(encodeManifest(example())));
});

test('blocks: how many there are and how long each is', () => {
  for (const [size, count] of [
    [0, 0],
    [1, 1],
    [BLOCK_BYTES, 1],
    [BLOCK_BYTES + 1, 2],
    [MAX_OBJECT_BYTES, 262144],
  ] as const) {
    assert.is(blockCount(size), count);
  }
  assert.is(blockLength(example(), 0), BLOCK_BYTES);
  assert.is(blockLength(example(), 1), 1);
});

test('a tombstone has no value and survives its bytes', () => {
  const deleted = tombstone('a', { time: 1n, node: 2n });
  assert.ok(deleted.tombstone);
  assert.is(deleted.size, 0);
  assert.is(deleted.id, resourceId('a'));
  const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  assert.is(Buffer.from(deleted.sha256).toString('hex'), empty);
  assert.equal(encodeManifest(decodeManifest(encodeManifest(deleted))), encodeManifest(deleted));
  assert.is(Buffer.from(sha256(new Uint8Array())).toString('hex'), empty);
});

test.run();
