// Bytes that were put together by hand from the offset tables of docs/wire.md; the hashes are those that sha256sum gives.
// The other messages' are in native/rain/wire_test.cc, test/cluster and test/object/manifest.test.ts.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeClaim, encodeClaim } from '../../src/cluster/claims.js';
import { decodeHeld, encodeHeld } from '../../src/cluster/poll.js';
import { MurkyError } from '../../src/errors.js';
import { BLOCK_BYTES, encodeManifest, type Manifest, tombstone } from '../../src/object/manifest.js';
import { doneAnswer, errorAnswer, openAnswer } from '../../src/rain/answer.js';
import { RequestKind } from '../../src/rain/contract.js';
import { decodeLookup, decodeLookupAnswer, encodeLookup, encodeLookupAnswer } from '../../src/rain/lookup.js';
import { closeAll, endpoint } from '../rain/open.js';
import { NO_TOKEN, OUTER_BYTES, request, Sender, subscribe, tokenOf, unsealed } from '../rain/packets.js';
import { failure } from '../rain/rejects.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const packed = (...fields: string[]) => fields.join('').replaceAll(' ', '');

const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'; // SHA-256 of "abc"
const NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'; // of no bytes
const ID = 'ca978112ca1bbdca'; // the first 8 bytes of SHA-256 of "a"
const id = 0xca978112ca1bbdcan;
const VERSION = '0102030405060708 1112131415161718';
const version = { time: 0x0102030405060708n, node: 0x1112131415161718n };
const NODE = '2122232425262728';
const node = 0x2122232425262728n;

const MANIFEST = packed(`01 00 ${ID} ${VERSION} 0000000000000003 00100000 ${ABC} 0001 0000 00000001 61 ${ABC}`);
const TOMBSTONE = packed(`01 01 ${ID} ${VERSION} 0000000000000000 00100000 ${NOTHING} 0001 0000 00000000 61`);
const abc = Uint8Array.from(Buffer.from(ABC, 'hex'));
const held: Manifest = {
  key: 'a',
  id,
  version,
  tombstone: false,
  size: 3,
  blockBytes: BLOCK_BYTES,
  blockHashes: [abc],
  sha256: abc,
  metadata: {},
};
/** The one with 33 blocks does not fit an answer any more. */
const long = { ...held, size: 33 * BLOCK_BYTES, blockHashes: Array<Uint8Array>(33).fill(abc) };
const LONG_HASH = 'c64685020b90acab54dbe3cb494bfa1b7635862e81e0cabe0bc4faf81a01f4a0';

test.after(closeAll);

test('LOOKUP and its answers', () => {
  assert.is(hex(encodeLookup(id)), ID);
  assert.is(decodeLookup(Buffer.from(ID, 'hex')), id);

  const inline = packed(
    `05 ${VERSION} 0000006f 825cc2a3debc89e757092872e4298a46f8986e519d8c7550ec4cbb4287807607`,
    MANIFEST,
  );
  const deleted = packed(
    `07 ${VERSION} 0000004f`,
    'e57dc6680cc277d9415015db77a8712c097157a3f36cc17d4e25feb1d599aa65',
    TOMBSTONE,
  );
  const left = packed(`01 ${VERSION} 0000046f`, LONG_HASH);
  assert.is(hex(encodeManifest(held)), MANIFEST);
  assert.is(hex(encodeLookupAnswer(held)), inline);
  assert.is(hex(encodeLookupAnswer(tombstone('a', version))), deleted);
  assert.is(hex(encodeLookupAnswer(long)), left);
  assert.is(hex(encodeLookupAnswer(undefined)), '00');

  const answer = decodeLookupAnswer(Buffer.from(left, 'hex'), id);
  assert.equal(
    [answer.found, answer.version, answer.tombstone, answer.manifestBytes, hex(answer.manifestSha256), answer.manifest],
    [true, version, false, 0x46f, LONG_HASH, undefined],
  );
  assert.equal(decodeLookupAnswer(Buffer.from(inline, 'hex'), id).manifest, held);
  assert.is(decodeLookupAnswer(Buffer.from(deleted, 'hex'), id).tombstone, true);
  assert.is(decodeLookupAnswer(Buffer.of(0), id).found, false);
});

test('HELD', () => {
  assert.is(hex(encodeHeld(node, id)), packed(NODE, ID));
  assert.equal(decodeHeld(Buffer.from(packed(NODE, ID), 'hex')), { to: node, id });
});

test('CLAIM', () => {
  assert.is(hex(encodeClaim(node, id, version)), packed(NODE, ID, VERSION));
  assert.equal(decodeClaim(Buffer.from(packed(NODE, ID, VERSION), 'hex')), { to: node, id, version });
});

test('what an answer is around its body', async () => {
  const from = { host: '192.0.2.1', port: 1980 };
  const busy = '01 0a 4d55524b595f42555359 5370c3a4746572'; // MURKY_BUSY, "Später"
  assert.is(hex(doneAnswer(Buffer.of(0x61, 0x62))), '006162');
  assert.is(hex(errorAnswer('MURKY_BUSY', 'Später')), packed(busy));
  assert.is(hex(openAnswer(Buffer.from('006162', 'hex'), from)), '6162');
  const error = await failure('MURKY_BUSY', () => openAnswer(Buffer.from(packed(busy), 'hex'), from));
  assert.is(error.message, 'Später');
});

test('whole datagrams: each kind of request comes to who answers it, and back', async () => {
  const KINDS: Record<string, string> = {
    Lookup: '01',
    Ping: '02',
    Propagate: '03',
    Relay: '04',
    Members: '05',
    Status: '06',
    Held: '07',
    Compare: '08',
    Claim: '09',
  };
  assert.equal(
    Object.keys(RequestKind).filter((name) => Number.isNaN(Number(name))),
    Object.keys(KINDS),
  );
  const server = await endpoint();
  const sender = await Sender.open();
  const answerTo = async (inner: Uint8Array) => {
    const seen = sender.received.length;
    await sender.send(server.address.port, unsealed(inner));
    return (await sender.arrivals(seen + 1))[seen]!.subarray(OUTER_BYTES);
  };
  try {
    const token = tokenOf(await answerTo(subscribe({ token: NO_TOKEN, ranges: [] })));
    for (const [name, first] of Object.entries(KINDS)) {
      const kind = RequestKind[name as keyof typeof RequestKind];
      server.onRequest(kind, async (body) => Buffer.concat([Buffer.from(name), body]));
      const payload = Buffer.from(`${first}beef`, 'hex');
      const body = `${hex(Buffer.from(name))}beef`;
      const length = (1 + body.length / 2).toString(16).padStart(4, '0');
      const asked = request(BigInt(kind), payload, token);
      assert.is(hex(await answerTo(asked)), packed(`07 00 ${length} 00000000000000${first} 00`, body), name);
    }
    server.onRequest(RequestKind.Held, async () => {
      throw new MurkyError('MURKY_BUSY', 'No.');
    });
    const failed = await answerTo(request(0x77n, Buffer.of(7), token));
    assert.is(hex(failed), packed('07 00 000f 0000000000000077 01 0a 4d55524b595f42555359 4e6f2e'));
  } finally {
    sender.close();
  }
});

test.run();
