import { cp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resourceId } from '../../src/object/key.js';
import { encodeManifest, tombstone } from '../../src/object/manifest.js';
import { repairFolder } from '../../src/store/repair.js';
import { type Finding, verifyFolder } from '../../src/store/verify.js';
import { changeSegment, inFolder, MIB, rawIndex, withStore } from './beds.js';
import { rejects } from './expect.js';
import { content, manifestOf, put, read, version } from './objects.js';

const large = content(50_000, 1);
const small = content(100, 2);

async function fill(folder: string): Promise<void> {
  await withStore({ folder }, async (store) => {
    await put(store, 'large', large, version(1));
    await put(store, 'small', small, version(2));
    await put(store, 'cached', large, version(3), 'cached');
    await put(store, 'deleted', large, version(4));
    await store.begin().commit(tombstone('deleted', version(5)), 'replica');
  });
}

async function findings(folder: string): Promise<Finding[]> {
  const found: Finding[] = [];
  const verified = await verifyFolder(folder, { finding: (one) => found.push(one), advance() {} });
  assert.is(verified.findings, found.length);
  return found;
}

async function repaired(folder: string) {
  const left: Finding[] = [];
  const options = { maxBytes: 64 * MIB };
  const progress = { finding() {}, advance() {}, step() {}, left: (one: Finding) => left.push(one) };
  return { ...(await repairFolder(folder, options, progress)), left };
}

/** Every file of a folder with its bytes, and when it was last changed. */
async function everything(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder, { recursive: true })).sort();
  const files = names.map(async (name) => {
    const path = join(folder, name);
    const { mtimeMs, size } = await stat(path);
    return [name, (await stat(path)).isFile() ? `${mtimeMs} ${size} ${await readFile(path, 'latin1')}` : `${mtimeMs}`];
  });
  return Object.fromEntries(await Promise.all(files));
}

/** Changes entries of the index whose key starts with `prefix`; undefined removes. */
async function change(folder: string, prefix: string, to: (value: Buffer) => Buffer | undefined) {
  await rawIndex(folder, async (db) => {
    let changed = 0;
    for (const [key, value] of await db.iterator().all()) {
      if (!key.toString('latin1').startsWith(prefix)) continue;
      const after = to(Buffer.from(value));
      await (after ? db.put(key, after) : db.del(key));
      changed++;
    }
    assert.ok(changed > 0);
  });
}

const flipped = (bytes: Buffer): Buffer => {
  const copy = Buffer.from(bytes);
  copy[copy.length >> 1]! ^= 1;
  return copy;
};

test('verify finds nothing wrong with a sound folder, and changes no byte of it', () =>
  inFolder(async (folder) => {
    await fill(folder);
    const before = await everything(folder);
    const verified = await verifyFolder(folder, { finding: (one) => assert.unreachable(one.what), advance() {} });
    assert.equal(verified, {
      objects: 3,
      tombstones: 1,
      blocks: 4,
      bytes: 3 * large.length + small.length,
      findings: 0,
    });
    assert.equal(await everything(folder), before);
  }));

const slotKey = (letter: string, slot: number, rest = '') => Buffer.from(`${letter}${hex(slot)}${rest}`, 'latin1');
const hex = (slot: number) => Buffer.from(slot.toString(16).padStart(16, '0'), 'hex').toString('latin1');

for (const { what, harm, kinds, left = [] } of [
  { what: 'a record', harm: (folder: string) => change(folder, 'r', flipped), kinds: ['record'] },
  { what: 'a manifest', harm: (folder: string) => change(folder, 'm', flipped), kinds: ['manifest'] },
  { what: 'a lost manifest', harm: (folder: string) => change(folder, 'm', () => undefined), kinds: ['manifest'] },
  { what: 'a key', harm: (folder: string) => change(folder, 'k', () => undefined), kinds: ['entry'] },
  { what: 'a loose small block', harm: (folder: string) => loose(folder), kinds: ['entry'] },
  { what: 'a loose place', harm: (folder: string) => loosePlace(folder), kinds: ['entry'] },
  { what: 'the journal', harm: (folder: string) => journal(folder), kinds: ['journal'] },
  { what: 'CURRENT', harm: (folder: string) => rm(join(folder, 'index', 'CURRENT')), kinds: ['index'] },
  {
    what: 'a block in the log',
    harm: (folder: string) => changeSegment(folder, '00000001.log', (bytes) => flipped(bytes.subarray(0, 50_000))),
    kinds: ['block'],
    left: ['block'],
  },
  { what: 'a small block', harm: (folder: string) => change(folder, 'v', flipped), kinds: ['block'], left: ['block'] },
]) {
  test(`verify finds ${what} damaged, and repair mends it or says what is left; again it does nothing`, () =>
    inFolder(async (folder) => {
      await fill(folder);
      await harm(folder);
      const before = await everything(folder);
      const found = new Set((await findings(folder)).map(({ kind }) => kind as string));
      assert.equal([...found], kinds);
      assert.equal(await everything(folder), before, 'verify changes nothing');
      const once = await repaired(folder);
      assert.equal([...new Set(once.left.map(({ kind }) => kind as string))], left);
      const again = await repaired(folder);
      assert.equal(
        [again.restoredEntries, again.droppedEntries, again.rebuilt, again.journalRenewed],
        [0, 0, undefined, false],
      );
      assert.equal(again.left, once.left);
      await withStore({ folder }, async (store) => {
        if (left.length === 0) {
          for (const key of ['large', 'cached']) assert.equal(await read(store, key), large);
          assert.equal(await read(store, 'small'), small);
        }
        assert.is((await store.current(resourceId('deleted')))?.tombstone, true);
        assert.is(store.stats().objects, 3, 'no object goes');
      });
    }));
}

/** Blocks and a manifest that no version has. */
async function loose(folder: string): Promise<void> {
  await rawIndex(folder, async (db) => {
    await db.put(slotKey('m', 77), encodeManifest(manifestOf('nobody', small, version(9))));
    await db.put(slotKey('v', 77, '\0\0\0\0'), small);
  });
}

async function loosePlace(folder: string): Promise<void> {
  await rawIndex(folder, async (db) => {
    const place = Buffer.from('6700000001000003e8', 'hex');
    await db.put(place, Buffer.from(`${'0'.repeat(14)}4d0000000000000064`, 'hex'));
  });
}

async function journal(folder: string): Promise<void> {
  const path = join(folder, 'journal', '00000001.log');
  await writeFile(path, flipped(await readFile(path)));
}

test("what a power cut leaves is no damage: an index behind its journal, and half a record at the journal's end", () =>
  inFolder(async (folder) => {
    await withStore({ folder }, async (store) => {
      await put(store, 'before', large, version(1));
    });
    await cp(join(folder, 'index'), join(folder, 'index.before'), { recursive: true });
    await withStore({ folder }, async (store) => {
      await put(store, 'after', large, version(2));
    });
    await rm(join(folder, 'index'), { recursive: true });
    await rename(join(folder, 'index.before'), join(folder, 'index'));
    const log = join(folder, 'journal', '00000001.log');
    const bytes = await readFile(log);
    await writeFile(log, Buffer.concat([bytes, bytes.subarray(0, 50)]));
    const before = await everything(folder);
    const verified = await verifyFolder(folder, { finding() {}, advance() {} });
    assert.equal(verified, { objects: 2, tombstones: 0, blocks: 2, bytes: 2 * large.length, findings: 0 });
    assert.equal(await everything(folder), before, 'nothing is changed');
    await withStore({ folder }, async (store) => assert.equal(await read(store, 'after'), large));
  }));

test('what belongs to nothing is kept in lost+found', () =>
  inFolder(async (folder) => {
    await fill(folder);
    await loose(folder);
    assert.is((await repaired(folder)).droppedEntries, 2);
    const lines = (await readFile(join(folder, 'lost+found', 'entries.jsonl'), 'utf8')).trim().split('\n');
    const values = lines.map((line) => JSON.parse(line).value);
    assert.ok(values.includes(small.toString('base64')));
  }));

test('a damaged record whose journal is damaged too stays as it is', () =>
  inFolder(async (folder) => {
    await fill(folder);
    await change(folder, 'r', flipped);
    await rm(join(folder, 'journal'), { recursive: true });
    const { left } = await repaired(folder);
    assert.equal([...new Set(left.map(({ kind }) => kind as string))], ['record']);
    await withStore({ folder }, async (store) => {
      await rejects(store.current(resourceId('large')), 'MURKY_BLOCK_CORRUPT');
      assert.is(await put(store, 'large', large, version(9)), 'committed');
    });
  }));

test('what is no data folder of a node is refused', () =>
  inFolder(async (folder) => {
    await rejects(findings(folder), 'MURKY_DATA_DIR_UNUSABLE');
    await rejects(findings(join(folder, 'nowhere')), 'MURKY_DATA_DIR_UNUSABLE');
    assert.equal(await readdir(folder), []);
  }));

test.run();
