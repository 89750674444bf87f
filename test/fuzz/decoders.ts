import { isUtf8 } from 'node:buffer';
import * as assert from 'uvu/assert';
import { decodeClaim, encodeClaim } from '../../src/cluster/claims.js';
import { decodeEntry as decodeNode, encodeEntry as encodeNode } from '../../src/cluster/etcd/node-entry.js';
import { encodeRecord } from '../../src/cluster/member-record.js';
import { decodeHeld, encodeHeld } from '../../src/cluster/poll.js';
import { decodeAnswer, decodePropagate, encodeAnswer, encodePropagate } from '../../src/cluster/propagate-message.js';
import {
  decodeCompare,
  decodeCompareAnswer,
  encodeCompare,
  encodeCompareAnswer,
} from '../../src/cluster/repair/compare-message.js';
import { decodeEntry, encodeEntry } from '../../src/cluster/repair/entry.js';
import {
  decodeStatusRequest,
  decodeSummary,
  encodeStatusRequest,
  encodeSummary,
} from '../../src/cluster/summary-message.js';
import { decodePing, encodePing, type Ping } from '../../src/cluster/swim/ping-message.js';
import {
  decodeRelay,
  decodeRelayAnswer,
  encodeRelay,
  encodeRelayAnswer,
} from '../../src/cluster/swim/relay-message.js';
import { decodePage, decodeSync, encodePage, encodeSync } from '../../src/cluster/swim/sync-message.js';
import { isMurkyError, MurkyError } from '../../src/errors.js';
import { resourceId } from '../../src/object/key.js';
import { decodeManifest, encodeManifest, type Manifest, sha256, tombstone } from '../../src/object/manifest.js';
import { doneAnswer, errorAnswer, openAnswer } from '../../src/rain/answer.js';
import { decodeLookup, decodeLookupAnswer, encodeLookup, encodeLookupAnswer } from '../../src/rain/lookup.js';
import { decodePath, encodePath } from '../../src/rain/path-record.js';
import { sampleEntry } from '../cluster/sample-entry.js';

export interface Decoder {
  readonly name: string;
  /** Well-formed messages to begin with. */
  readonly examples: readonly Uint8Array[];
  /** Decodes and encodes again; undefined where what was decoded does not hold all that was sent. */
  again(bytes: Uint8Array): Uint8Array | undefined;
}

function manifest(blocks: number): Manifest {
  const hash = (n: number) => Uint8Array.from(sha256(Buffer.of(n)));
  return {
    key: 'a key',
    id: resourceId('a key'),
    version: { time: 7n, node: 9n },
    tombstone: false,
    size: blocks * 2 ** 20,
    blockBytes: 2 ** 20,
    blockHashes: Array.from({ length: blocks }, (_, i) => hash(i)),
    sha256: hash(99),
    metadata: { 'content-type': 'text/plain', etag: 'x' },
  };
}

const manifests = [manifest(0), manifest(1), manifest(20), tombstone('a key', { time: 8n, node: 9n })];
const contact = { host: '10.0.0.9', port: 1980 };
const record = {
  id: 0x41n,
  incarnation: 9,
  status: 'away',
  ageMs: 258,
  weight: 1,
  zone: 'rack',
  standby: true,
  contact,
} as const;
const ping: Ping = {
  self: {
    id: 1n,
    boot: 2n,
    incarnation: 5,
    weight: 2,
    zone: 'rack',
    standby: true,
    left: false,
    advertised: contact,
  },
  to: 0x21n,
  belief: { incarnation: 3, status: 'suspect' },
  wallMs: 1,
  settings: { replicas: 3, writeQuorum: 2, graceSeconds: 600 },
  digest: 0x3132333435363738n,
  news: [record, { ...record, id: 0x42n, status: 'alive' }],
};
const holdings = [1n, 5n].map((id) => ({ id, version: { time: 7n, node: 9n } }));

const path = {
  rateBitsPerSecond: 5e6,
  loss: 0.01,
  roundTripMs: 20,
  weight: 0.5,
  failures: 1,
  notedMs: 1e12,
  lastSeenMs: null,
  symbolLimit: { bytes: 1344, foundMs: 1e12 },
  fetches: [{ atMs: 1e12, predictedBitsPerSecond: null, measuredBitsPerSecond: 5e100 }],
};

/** JSON has many forms of one content: what was taken comes out of its own encoding as it went in. */
function sameAgain<T>(decode: (bytes: Uint8Array) => T | undefined, encode: (value: T) => Uint8Array) {
  return (bytes: Uint8Array): undefined => {
    const taken = decode(bytes);
    if (taken === undefined) throw new MurkyError('MURKY_BAD_MESSAGE', 'It was refused.');
    assert.equal(decode(encode(taken)), taken);
  };
}

export const decoders: readonly Decoder[] = [
  {
    name: 'manifest',
    examples: manifests.map(encodeManifest),
    again: (bytes) => encodeManifest(decodeManifest(bytes)),
  },
  {
    name: 'answer to LOOKUP',
    examples: [...manifests.map(encodeLookupAnswer), encodeLookupAnswer(undefined)],
    again: (bytes) => {
      const answer = decodeLookupAnswer(bytes, resourceId('a key'));
      if (!answer.found) return encodeLookupAnswer(undefined);
      return answer.manifest && encodeLookupAnswer(answer.manifest);
    },
  },
  {
    name: 'PROPAGATE',
    examples: manifests.map((one) => encodePropagate(1n, one, [contact, { host: 'fd00::1', port: 7 }])),
    again: (bytes) => {
      const { to, manifest: inside, holders, repair } = decodePropagate(bytes);
      return inside && encodePropagate(to, inside, holders, repair);
    },
  },
  {
    name: 'answer to PROPAGATE',
    examples: [
      encodeAnswer({ kind: 'durable' }),
      encodeAnswer({ kind: 'pending', blocks: 258, ahead: 3 }),
      encodeAnswer({ kind: 'newer', version: { time: 1n, node: 2n } }),
      encodeAnswer({ kind: 'refused', code: 'MURKY_BUSY' }),
    ],
    again: (bytes) => encodeAnswer(decodeAnswer(bytes)),
  },
  { name: 'PING', examples: [encodePing(ping).bytes], again: (bytes) => encodePing(decodePing(bytes)).bytes },
  {
    name: 'RELAY',
    examples: [encodeRelay({ target: 0x21n, contact })],
    again: (bytes) => encodeRelay(decodeRelay(bytes)),
  },
  {
    name: 'answer to RELAY',
    examples: [encodeRelayAnswer(true), encodeRelayAnswer(false)],
    again: (bytes) => encodeRelayAnswer(decodeRelayAnswer(bytes)),
  },
  { name: 'SYNC', examples: [encodeSync(0x21n)], again: (bytes) => encodeSync(decodeSync(bytes)) },
  {
    name: 'answer to SYNC',
    examples: [encodePage([record]), encodePage([]), encodePage(Array(40).fill(record)), encodeRecord(record)],
    again: (bytes) => {
      const { records, more } = decodePage(bytes);
      return more ? undefined : encodePage(records);
    },
  },
  {
    name: 'COMPARE',
    examples: [
      encodeCompare({ kind: 'digests', sender: 1n, digests: new Uint8Array(512) }),
      encodeCompare({ kind: 'digests', sender: 1n, coarse: 63, digests: new Uint8Array(512) }),
      encodeCompare({ kind: 'list', sender: 1n, first: 0n, last: 9n, holdings }),
    ],
    again: (bytes) => encodeCompare(decodeCompare(bytes)),
  },
  {
    name: 'answer to COMPARE',
    examples: [
      encodeCompareAnswer({ kind: 'later' }),
      encodeCompareAnswer({ kind: 'different', places: [0, 63] }),
      encodeCompareAnswer({ kind: 'lacking', holdings, next: 6n }),
    ],
    again: (bytes) => encodeCompareAnswer(decodeCompareAnswer(bytes)),
  },
  {
    name: 'LOOKUP',
    examples: [encodeLookup(resourceId('a key'))],
    again: (bytes) => encodeLookup(decodeLookup(bytes)),
  },
  {
    name: 'HELD',
    examples: [encodeHeld(1n, resourceId('a key'))],
    again: (bytes) => {
      const { to, id } = decodeHeld(bytes);
      return encodeHeld(to, id);
    },
  },
  {
    name: 'CLAIM',
    examples: [encodeClaim(1n, resourceId('a key'), { time: 7n, node: 1n })],
    again: (bytes) => {
      const { to, id, version } = decodeClaim(bytes);
      return encodeClaim(to, id, version);
    },
  },
  {
    name: 'STATUS',
    examples: [encodeStatusRequest()],
    again: (bytes) => {
      decodeStatusRequest(bytes);
      return encodeStatusRequest();
    },
  },
  {
    name: 'answer to STATUS',
    examples: [
      encodeSummary({}),
      encodeSummary({ version: '0.1.0', objects: 2, idle: true, left: null, lackingBytes: 5e100, share: -0.5 }),
    ],
    again: sameAgain(decodeSummary, encodeSummary),
  },
  {
    name: 'status of an answer',
    examples: [
      doneAnswer(Buffer.from('body')),
      errorAnswer('MURKY_BUSY', 'Später.'),
      errorAnswer('MURKY_INTERNAL', ''),
    ],
    again: (bytes) => {
      try {
        return doneAnswer(openAnswer(bytes, contact));
      } catch (error) {
        if (!isMurkyError(error) || error.facts.address === undefined) throw error;
        return isUtf8(bytes) ? errorAnswer(error.code, error.message) : undefined;
      }
    },
  },
  {
    name: 'entry of the repair queue',
    examples: [
      encodeEntry({ version: { time: 7n, node: 9n }, look: true, copies: 2, owed: [1n, 5n] }),
      encodeEntry({ version: { time: 0n, node: 0n }, look: false, copies: 255, owed: [] }),
    ],
    again: (bytes) => encodeEntry(decodeEntry(bytes)),
  },
  {
    name: 'node in etcd',
    examples: [
      Buffer.from(encodeNode(sampleEntry)),
      Buffer.from(encodeNode({ ...sampleEntry, settings: { replicas: 5e100, writeQuorum: 2, graceSeconds: 0 } })),
    ],
    again: sameAgain(
      (bytes) => decodeNode(Buffer.from(bytes).toString()),
      (entry) => Buffer.from(encodeNode(entry)),
    ),
  },
  {
    name: 'path',
    examples: [encodePath(path), encodePath({ ...path, symbolLimit: null, fetches: [], rateBitsPerSecond: 0 })],
    again: sameAgain(decodePath, encodePath),
  },
];
