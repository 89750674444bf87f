import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resourceId } from '../../src/object/key.js';
import { encodeManifest, sha256, tombstone } from '../../src/object/manifest.js';
import type { Store } from '../../src/store/contract.js';
import { levelDisk } from '../../src/store/disk.js';
import type { Files } from '../../src/store/files.js';
import { verifyFolder } from '../../src/store/verify.js';
import { changeSegment, inFolder, MIB, rawIndex, segments, withStore } from './beds.js';
import { rejects } from './expect.js';
import { ManualClock } from './manual-clock.js';
import { content, manifestOf, put, read, version } from './objects.js';

// What docs/disk-format.md says, written out by hand. A change here is a new format.

const ID = 'ca978112ca1bbdca'; // sha256("a")
const T0 = '0000018bcfe56800'; // 1,700,000,000,000 ms
const T1 = '0000018bcfe56be8'; // one second later
const V1 = '00000000000000010000000000000001';
const V2 = '00000000000000020000000000000001';
const slot = (n: number) => n.toString(16).padStart(16, '0');
const u32 = (n: number) => n.toString(16).padStart(8, '0');
const hex = (text: string) => Buffer.from(text, 'utf8').toString('hex');
const sha = (bytes: string) => sha256(Buffer.from(bytes, 'hex')).toString('hex');

const first = Buffer.from('first!');
const second = Buffer.from('second');
const manifestBytes = (value: Buffer, at: number) => encodeManifest(manifestOf('a', value, version(at), 4));

function record(
  at: string,
  flags: string,
  versionHex: string,
  slotHex: string,
  size: number,
  time: string,
  m: Buffer,
  blockBytes = size === 0 ? 2 ** 20 : 4,
) {
  const fields = [
    '01',
    flags,
    versionHex,
    slotHex,
    slot(size),
    u32(blockBytes),
    time,
    sha256(m).toString('hex'),
    '0001',
    '61',
  ];
  const body = fields.join('');
  return body + sha(at + body).slice(0, 16);
}

/** The index but for how far its journal is. */
async function dump(folder: string): Promise<Record<string, string>> {
  return await rawIndex(folder, async (db) =>
    Object.fromEntries(
      (await db.iterator().all())
        .map(([k, v]) => [k.toString('hex'), v.toString('hex')])
        .filter(([key]) => key !== hex('j')),
    ),
  );
}

test('records and blocks on the disk are those that the documentation describes', () =>
  inFolder(async (folder) => {
    const clock = new ManualClock();
    await withStore({ folder, clock }, async (store) => {
      await put(store, 'a', first, version(1), 'replica', 4);
      clock.advance(1000);
      await put(store, 'a', second, version(2), 'cached', 4);
      await store.facts.put('fact', Buffer.from('value'));
    });
    const [m1, m2] = [manifestBytes(first, 1), manifestBytes(second, 2)];
    const [r, o] = [hex('r') + ID, hex('o') + ID + V1];
    assert.equal(await dump(folder), {
      [hex('F')]: hex('murky-waters store 4'),
      [r]: record(r, '02', V2, slot(2), 6, T1, m2),
      [o]: record(o, '00', V1, slot(1), 6, T1, m1),
      [hex('m') + slot(1)]: m1.toString('hex'),
      [hex('m') + slot(2)]: m2.toString('hex'),
      [hex('ka')]: ID,
      [hex('u') + T1 + ID]: '',
      [hex('x') + T1 + ID + V1]: '',
      [hex('ffact')]: hex('value'),
      [hex('v') + slot(1) + u32(0)]: hex('firs'),
      [hex('v') + slot(1) + u32(1)]: hex('t!'),
      [hex('v') + slot(2) + u32(0)]: hex('seco'),
      [hex('v') + slot(2) + u32(1)]: hex('nd'),
    });
    assert.equal(await segments(folder), {});
  }));

test('a tombstone is a version record without a key in the directory', () =>
  inFolder(async (folder) => {
    const deleted = tombstone('a', version(1));
    await withStore({ folder, clock: new ManualClock() }, (store) => store.begin().commit(deleted, 'replica'));
    const r = hex('r') + ID;
    assert.equal(await dump(folder), {
      [hex('F')]: hex('murky-waters store 4'),
      [r]: record(r, '01', V1, slot(1), 0, T0, encodeManifest(deleted)),
      [hex('m') + slot(1)]: encodeManifest(deleted).toString('hex'),
    });
    assert.equal(await segments(folder), {});
  }));

test('a version that is overwritten a second time leaves no record of the first time', () =>
  inFolder(async (folder) => {
    await withStore({ folder, clock: new ManualClock() }, async (store) => {
      await put(store, 'a', first, version(1), 'replica', 4);
      await put(store, 'a', second, version(2), 'cached', 4);
      await store.dropCached(BigInt(`0x${ID}`));
      await put(store, 'a', first, version(1), 'replica', 4);
      await put(store, 'a', second, version(3), 'replica', 4);
    });
    const kinds = Object.keys(await dump(folder)).map((key) => Buffer.from(key, 'hex').toString('latin1')[0]);
    assert.is(kinds.sort().join(''), 'Fkmmorvvvvx');
  }));

// 20,000 bytes of 0x61: too many for the index. The sums are those of gzip and zip: CRC-32 (ISO 3309).
const large = Buffer.alloc(20_000, 'a');
const PAYLOAD_CRC = 'cabd8731';
const HEADER_CRC = 'aa82b4ac';
const header = `4d574252${slot(1)}${u32(0)}${u32(20_000)}${PAYLOAD_CRC}`;

test('a block in the log is a header and its bytes, and has two entries in the index', () =>
  inFolder(async (folder) => {
    await withStore({ folder, clock: new ManualClock() }, (store) => put(store, 'a', large, version(1)));
    assert.equal(await segments(folder), {
      '00000001.log': Buffer.concat([Buffer.from(header + HEADER_CRC, 'hex'), large]),
    });
    const index = await dump(folder);
    assert.is(index[hex('b') + slot(1) + u32(0)], u32(1) + u32(0) + u32(20_000));
    assert.is(index[hex('g') + u32(1) + u32(0)], slot(1) + u32(0) + u32(20_000));
    assert.is(Object.keys(index).length, 6);
  }));

const sealed = (header: string) => header + u32(crc32(Buffer.from(header, 'hex')));
/** A record of the journal: a synced batch. */
const noted = (body: string) =>
  sealed(`4d574a5200010000${u32(body.length / 2)}${u32(crc32(Buffer.from(body, 'hex')))}`) + body;

const NOTED = `01${'0005'}${u32(5)}${hex('ffact')}${hex('value')}00${'0005'}${u32(0)}${hex('ffact')}`;

test('the journal has a record for each batch of changes of the index, and the index knows how far it is', () =>
  inFolder(async (folder) => {
    await withStore({ folder, clock: new ManualClock() }, async ({ facts }) => {
      await facts.put('fact', Buffer.from('value'));
      await facts.delete('fact');
    });
    const put = NOTED.slice(0, 2 * 17);
    const del = NOTED.slice(2 * 17);
    const log = noted(put) + noted(del);
    const journal = join(folder, 'journal');
    assert.equal((await readdir(journal)).sort(), ['00000001.log', '00000001.snapshot']);
    assert.is((await readFile(join(journal, '00000001.log'))).toString('hex'), log);
    assert.is(
      (await readFile(join(journal, '00000001.snapshot'))).toString('hex'),
      sealed(`4d574a5201010000${u32(0)}${u32(0)}`),
    );
    const j = await rawIndex(folder, (db) => db.get(Buffer.from('j')));
    assert.is(j?.toString('hex'), u32(1) + slot(log.length / 2));
  }));

test('a batch names in the journal the blocks that are not synced yet', () =>
  inFolder(async (folder) => {
    // The segment is synced long after the journal has the batch.
    const open: Files['open'] = async (path, mode) => {
      const file = await levelDisk.files.open(path, mode);
      if (path.includes('/segments/')) {
        const sync = file.sync.bind(file);
        file.sync = async () => {
          while ((await readFile(join(folder, 'journal', '00000001.log'))).length === 0) await sleep(1);
          await sync();
        };
      }
      return file;
    };
    const disk = { ...levelDisk, files: { ...levelDisk.files, open } };
    await withStore({ folder, clock: new ManualClock(), disk }, (store) => put(store, 'a', large, version(1)));
    const m = encodeManifest(manifestOf('a', large, version(1)));
    const r = record(hex('r') + ID, '00', V1, slot(1), 20_000, T0, m, 2 ** 20);
    const change = (op: string, key: string, value: string) =>
      op + (key.length / 2).toString(16).padStart(4, '0') + u32(value.length / 2) + key + value;
    const batch =
      change('01', hex('m') + slot(1), m.toString('hex')) +
      change('01', hex('r') + ID, r) +
      change('01', hex('ka'), ID) +
      change('01', hex('b') + slot(1) + u32(0), u32(1) + u32(0) + u32(20_000)) +
      change('02', hex('g') + u32(1) + u32(0), slot(1) + u32(0) + u32(20_000));
    assert.is((await readFile(join(folder, 'journal', '00000001.log'))).toString('hex'), noted(batch));
  }));

test('what an unfinished write has left in the log is dropped at the next start, and told', () =>
  inFolder(async (folder) => {
    await withStore({ folder }, (store) => put(store, 'a', large, version(1)));
    await changeSegment(folder, '00000001.log', (bytes) => Buffer.concat([bytes, bytes.subarray(0, 5000)]));
    await writeFile(join(folder, 'segments', '00000007.log'), large);
    const said: [object, string][] = [];
    const note = (facts: object, sentence: string) => void said.push([facts, sentence]);
    const log = { debug() {}, info: note, warn: note, error: note };
    await withStore({ folder, log }, async (store) => {
      assert.is(store.stats().otherBytes, 0);
      await put(store, 'b', large, version(1));
    });
    assert.equal(said, [[{ bytes: 25_000 }, 'Dropped what unfinished writes had left in the block log.']]);
    const after = await segments(folder);
    const bytes = Object.values(after).reduce((sum, one) => sum + one.length, 0);
    assert.is(bytes, 2 * (28 + 20_000));
  }));

for (const format of [1, 2, 3]) {
  test(`a folder of format ${format} is upgraded, and stays so`, () =>
    inFolder(async (folder) => {
      await cp(writtenBy(format), folder, { recursive: true });
      for (let start = 0; start < 2; start++) await withStore({ folder, clock: new ManualClock() }, isUpgraded);
      assert.equal((await readdir(folder)).sort(), ['index', 'journal', 'segments']);
      const index = await dump(folder);
      assert.is(index[hex('F')], hex('murky-waters store 4'));
      assert.not(Object.keys(index).some((key) => [hex('d'), hex('s')].includes(key.slice(0, 2))));
      // Its journal is whole: the index can be made anew from it, but for small blocks that are older.
      await rm(join(folder, 'index'), { recursive: true });
      await withStore({ folder, clock: new ManualClock() }, async (store) => {
        assert.equal(await read(store, 'overwritten', version(1)), content(20_000, 2));
        assert.is((await store.current(resourceId('deleted')))?.tombstone, true);
        assert.equal(await store.facts.get('fact'), Buffer.from('value'));
      });
    }));
}

for (const format of [2, 3]) {
  test(`an upgrade of format ${format} that was interrupted begins again`, () =>
    inFolder(async (folder) => {
      await cp(writtenBy(format), folder, { recursive: true });
      await withStore({ folder, clock: new ManualClock() }, isUpgraded);
      // As if the last batch had not happened.
      await rawIndex(folder, (db) => db.put(Buffer.from('F'), Buffer.from(`murky-waters store ${format}`)));
      await withStore({ folder, clock: new ManualClock() }, isUpgraded);
      assert.is((await dump(folder))[hex('F')], hex('murky-waters store 4'));
    }));
}

test('what stands in a journal of format 3 behind what its index has did not take place', () =>
  inFolder(async (folder) => {
    await cp(writtenBy(3), folder, { recursive: true });
    const log = join(folder, 'journal', '00000001.log');
    const ghost = noted(`01${'0006'}${u32(5)}${hex('fghost')}${hex('value')}`);
    await writeFile(log, Buffer.concat([await readFile(log), Buffer.from(ghost, 'hex')]));
    await withStore({ folder, clock: new ManualClock() }, async (store) => {
      await isUpgraded(store);
      assert.is(await store.facts.get('ghost'), undefined);
    });
  }));

test('a folder of format 3 whose LevelDB is damaged is made anew from its journal', () =>
  inFolder(async (folder) => {
    await cp(writtenBy(3), folder, { recursive: true });
    await rm(join(folder, 'index', 'CURRENT'));
    for (let start = 0; start < 2; start++) await withStore({ folder, clock: new ManualClock() }, isUpgraded);
  }));

for (const format of [1, 2, 3]) {
  test(`murky verify refuses a folder of format ${format} with a sentence, and changes nothing`, () =>
    inFolder(async (folder) => {
      await cp(writtenBy(format), folder, { recursive: true });
      const refused = await rejects(verifyFolder(folder, { finding() {}, advance() {} }), 'MURKY_DATA_DIR_UNUSABLE');
      assert.match(refused.message, `is of format ${format}, an older one.`);
      await withStore({ folder, clock: new ManualClock() }, isUpgraded);
    }));
}

test('an upgrade of format 1 that was interrupted begins again', () =>
  inFolder(async (folder) => {
    await cp(writtenBy(1), folder, { recursive: true });
    await withStore({ folder, clock: new ManualClock() }, isUpgraded);
    // As if the last batch, and what came behind it, had not happened.
    await cp(join(writtenBy(1), 'blocks'), join(folder, 'blocks'), { recursive: true });
    await rawIndex(folder, (db) => db.put(Buffer.from('F'), Buffer.from('murky-waters store 1')));
    await rawIndex(folder, (db) => db.put(Buffer.from(`${hex('v')}${slot(99)}${u32(0)}`, 'hex'), large));
    await withStore({ folder, clock: new ManualClock() }, isUpgraded);
    assert.is(Object.keys(await dump(folder)).filter((key) => key.startsWith(hex('v'))).length, 3);
  }));

// Written by the stores of these formats; see isUpgraded for what they hold. That of format 3 was killed, the others closed.
const writtenBy = (format: number) => fileURLToPath(new URL(`format-${format}`, import.meta.url));

async function isUpgraded(store: Store): Promise<void> {
  assert.equal(await read(store, 'large'), content(50_000, 1));
  assert.equal(await read(store, 'overwritten'), content(10, 3));
  assert.equal(await read(store, 'overwritten', version(1)), content(20_000, 2));
  assert.equal(await read(store, 'small'), content(100, 4));
  assert.is((await store.current(resourceId('deleted')))?.tombstone, true);
  assert.equal(await store.facts.get('fact'), Buffer.from('value'));
  assert.equal(store.stats(), {
    objects: 3,
    tombstones: 1,
    replicaBytes: 50_010,
    cachedBytes: 100,
    otherBytes: 20_000,
    maxBytes: 64 * MIB,
  });
}

test.run();
