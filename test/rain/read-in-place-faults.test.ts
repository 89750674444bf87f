import { existsSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SharedSource } from '../../src/cluster/share.js';
import { isMurkyError } from '../../src/errors.js';
import { resourceId } from '../../src/object/key.js';
import { encodeManifest } from '../../src/object/manifest.js';
import type { BlockSource } from '../../src/rain/contract.js';
import type { FilePlace } from '../../src/seam/file-place.js';
import type { ObjectStore } from '../../src/store/object-store.js';
import { inFolder, MIB, withStore } from '../store/beds.js';
import { content, manifestOf, put, version } from '../store/objects.js';
import { closeAll, endpoint } from './open.js';

// The native loop reads segments by itself, past the store's file seam (native/rain/file_place.cc): here the real files
// fail under it, while a block is lent.

const KEY = Buffer.alloc(32, 7);
const at = version(1);
const value = content(5 * MIB + 70_000, 1);
const manifest = manifestOf('mud', value, at);
const id = resourceId('mud');
/** One segment has all; with the smaller ones each block has its own. */
const ONE = { segmentBytes: 64 * MIB };
const MANY = { segmentBytes: MIB, reclaimTimeFraction: 1 };

interface Faulty {
  readonly place: FilePlace;
  readonly store: ObjectStore;
  /** The segment, open for writing behind the store's back. */
  readonly segment: FileHandle;
  /** How many were lent before. */
  readonly earlier: number;
}

/** What happens to a block between its being lent and its being read; answers where it is read from then. */
type Fault = (faulty: Faulty) => Promise<FilePlace>;

const flip = async (segment: FileHandle, offset: number) => {
  const byte = Buffer.alloc(1);
  await segment.read(byte, 0, 1, offset);
  byte[0]! ^= 1;
  await segment.write(byte, 0, 1, offset);
};

/** `alone`: whether its server can still give all of it by itself. */
const FAULTS: Record<string, { fault: Fault; alone: boolean; options: object }> = {
  'a byte rots': {
    alone: false,
    options: ONE,
    async fault({ place, segment, earlier }) {
      if (earlier === 2) await flip(segment, place.offset + 12_345);
      return place;
    },
  },
  'the file is cut within the block': {
    alone: false,
    options: ONE,
    async fault({ place, segment, earlier }) {
      if (earlier === 2) await segment.truncate(place.offset + 100);
      return place;
    },
  },
  'its bytes are zeros, as of a file that grew again': {
    alone: false,
    options: ONE,
    async fault({ place, segment, earlier }) {
      if (earlier !== 2) return place;
      await segment.truncate(place.offset);
      await segment.truncate(place.offset + place.length);
      return place;
    },
  },
  'the disk cannot read it (EIO)': {
    // The store asks the disk once more, which has it now.
    alone: true,
    options: ONE,
    async fault({ place, earlier }) {
      // The first page of a process is mapped nowhere, and Linux says EIO of it.
      return earlier === 2 ? { ...place, descriptor: unreadable!.fd, offset: 0 } : place;
    },
  },
  'the object is dropped and its segment reclaimed': {
    alone: false,
    options: MANY,
    async fault({ place, store, earlier }) {
      if (earlier === 0) await store.dropCached(id);
      return place;
    },
  },
};

let unreadable: FileHandle | undefined;
test.before(async () => {
  if (existsSync('/proc/self/mem')) unreadable = await open('/proc/self/mem', 'r');
});
test.after(() => unreadable?.close());
test.after.each(closeAll);

async function serve(source: BlockSource) {
  const server = await endpoint({ key: KEY });
  server.serve(source);
  return server.address;
}

/** The object as the servers give it to a client of its own, or the code that the fetch ended with. */
async function fetched(...servers: { host: string; port: number }[]): Promise<Buffer | string> {
  const client = await endpoint({ key: KEY });
  const fetch = client.fetch(manifest, servers, { stallTimeoutMs: 5000 });
  const blocks: Uint8Array[] = [];
  try {
    for await (const { bytes } of fetch) blocks.push(bytes);
    return Buffer.concat(blocks);
  } catch (error) {
    assert.ok(isMurkyError(error), String(error));
    return error.code;
  } finally {
    assert.equal(fetch.report().culprits, [], 'nobody sends a wrong symbol');
  }
}

/** A source whose blocks meet a fault while they are lent. */
function faulty(store: ObjectStore, segment: FileHandle, fault: Fault): { source: BlockSource; lent: () => number } {
  const shared = new SharedSource(store, true);
  let lent = 0;
  const source: BlockSource = {
    current: () => shared.current(id),
    manifest: () => shared.manifest(id, at),
    block: (...block) => shared.block(...block),
    readInPlace: (...[resource, of, index, readFrom]) =>
      shared.readInPlace(resource, of, index, async (place) =>
        readFrom(await fault({ place, store, segment, earlier: lent++ })),
      ),
  };
  return { source, lent: () => lent };
}

for (const [what, { fault, alone, options }] of Object.entries(FAULTS)) {
  const runs = !what.includes('EIO') || existsSync('/proc/self/mem') ? test : test.skip;
  for (const beside of [false, true]) {
    runs(`${what} while it is read in place: ${beside ? 'another server has it' : 'no other server'}`, () =>
      inFolder((folder) =>
        withStore({ folder, ...options }, async (store) => {
          await put(store, 'mud', value, at, 'cached');
          const segment = await open(join(folder, 'segments', '00000001.log'), 'r+');
          try {
            const { source, lent } = faulty(store, segment, fault);
            const servers = [await serve(source)];
            if (beside) servers.push(await serve(sound()));
            const got = await fetched(...servers);
            assert.ok(lent() > 0);
            if (alone || beside) assert.ok(Buffer.isBuffer(got) && got.equals(value), String(got).slice(0, 100));
            else assert.is(got, 'MURKY_NO_SERVER');
          } finally {
            await segment.close();
          }
        }),
      ),
    );
  }
}

/** A server that has it in memory. */
function sound(): BlockSource {
  const blockOf = (index: number) => value.subarray(index * MIB, (index + 1) * MIB);
  return {
    current: async () => manifest,
    manifest: async () => manifest,
    block: async (_, __, index) => (index === 0xffffffff ? encodeManifest(manifest) : Buffer.from(blockOf(index))),
  };
}

test('a segment whose bytes come and go all the time gives good bytes or none', () =>
  inFolder((folder) =>
    withStore({ folder, ...ONE }, async (store) => {
      await put(store, 'mud', value, at, 'cached');
      const segment = await open(join(folder, 'segments', '00000001.log'), 'r+');
      let ended = false;
      let turns = 0;
      const rot = async () => {
        for (; !ended; turns++) {
          const offset = (turns * 7919 * 131) % (5 * MIB);
          await flip(segment, offset);
          await flip(segment, offset);
        }
      };
      const rotting = rot();
      const outcomes = new Map<string, number>();
      try {
        const server = await serve(new SharedSource(store, true));
        for (let turn = 0; turn < 8; turn++) {
          const got = await fetched(server);
          const outcome = typeof got === 'string' ? got : got.equals(value) ? 'good' : 'wrong';
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }
      } finally {
        ended = true;
        await rotting;
        await segment.close();
      }
      assert.ok(turns > 100);
      for (const outcome of outcomes.keys()) assert.ok(['good', 'MURKY_NO_SERVER'].includes(outcome), outcome);
    }),
  ));

test.run();
