import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeManifest, sha256, tombstone } from '../../src/object/manifest.js';
import { inFolder, raw, withStore } from './beds.js';
import { ManualClock } from './manual-clock.js';
import { manifestOf, put, version } from './objects.js';

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

function record(at: string, flags: string, versionHex: string, slotHex: string, size: number, time: string, m: Buffer) {
  const fields = [
    '01',
    flags,
    versionHex,
    slotHex,
    slot(size),
    u32(size === 0 ? 2 ** 20 : 4),
    time,
    sha256(m).toString('hex'),
    '0001',
    '61',
  ];
  const body = fields.join('');
  return body + sha(at + body).slice(0, 16);
}

async function dump(folder: string, table: 'index' | 'blocks'): Promise<Record<string, string>> {
  return await raw(folder, table, async (db) =>
    Object.fromEntries((await db.iterator().all()).map(([k, v]) => [k.toString('hex'), v.toString('hex')])),
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
    assert.equal(await dump(folder, 'index'), {
      [hex('F')]: hex('murky-waters store 1'),
      [r]: record(r, '02', V2, slot(2), 6, T1, m2),
      [o]: record(o, '00', V1, slot(1), 6, T1, m1),
      [hex('m') + slot(1)]: m1.toString('hex'),
      [hex('m') + slot(2)]: m2.toString('hex'),
      [hex('ka')]: ID,
      [hex('u') + T1 + ID]: '',
      [hex('x') + T1 + ID + V1]: '',
      [hex('s')]: slot(3),
      [hex('ffact')]: hex('value'),
    });
    assert.equal(await dump(folder, 'blocks'), {
      [slot(1) + u32(0)]: hex('firs'),
      [slot(1) + u32(1)]: hex('t!'),
      [slot(2) + u32(0)]: hex('seco'),
      [slot(2) + u32(1)]: hex('nd'),
    });
  }));

test('a tombstone is a version record without a key in the directory', () =>
  inFolder(async (folder) => {
    const deleted = tombstone('a', version(1));
    await withStore({ folder, clock: new ManualClock() }, (store) => store.begin().commit(deleted, 'replica'));
    const r = hex('r') + ID;
    assert.equal(await dump(folder, 'index'), {
      [hex('F')]: hex('murky-waters store 1'),
      [r]: record(r, '01', V1, slot(1), 0, T0, encodeManifest(deleted)),
      [hex('m') + slot(1)]: encodeManifest(deleted).toString('hex'),
      [hex('s')]: slot(2),
    });
    assert.equal(await dump(folder, 'blocks'), {});
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
    const kinds = Object.keys(await dump(folder, 'index')).map((key) => Buffer.from(key, 'hex').toString('latin1')[0]);
    assert.is(kinds.sort().join(''), 'Fkmmorsx');
    assert.is(Object.keys(await dump(folder, 'blocks')).length, 4);
  }));

test('an interrupted removal and an unfinished write are finished at the next start, and told', () =>
  inFolder(async (folder) => {
    await withStore({ folder }, (store) => put(store, 'a', first, version(1), 'replica', 4));
    await raw(folder, 'index', (db) => db.put(Buffer.from(hex('d') + slot(7), 'hex'), Buffer.from(u32(2), 'hex')));
    await raw(folder, 'blocks', async (db) => {
      for (const key of [slot(7) + u32(0), slot(7) + u32(1), slot(9) + u32(0), slot(9) + u32(500)]) {
        await db.put(Buffer.from(key, 'hex'), first);
      }
    });
    const said: [object, string][] = [];
    const note = (facts: object, sentence: string) => void said.push([facts, sentence]);
    const log = { debug() {}, info: note, warn: note, error: note };
    await withStore({ folder, log }, async (store) => {
      assert.is(store.stats().otherBytes, 0);
      await put(store, 'b', second, version(1), 'replica', 4);
    });
    assert.equal(said, [
      [{ blocks: 2 }, 'Finished removals that had been interrupted.'],
      [{ writes: 1, blocks: 2 }, 'Removed the blocks of unfinished writes.'],
    ]);
    assert.equal(Object.keys(await dump(folder, 'blocks')), [
      slot(1) + u32(0),
      slot(1) + u32(1),
      slot(10) + u32(0),
      slot(10) + u32(1),
    ]);
    assert.not(Object.keys(await dump(folder, 'index')).some((key) => key.startsWith(hex('d'))));
  }));

test.run();
