import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HEADER_BYTES } from '../../src/store/block-record.js';
import { inFolder, rawIndex, segments, withStore } from './beds.js';
import { ManualClock } from './manual-clock.js';
import { manifestOf, put, version } from './objects.js';

// The bytes that docs/disk-format.md shows, against those that a store really writes. A change here is a new format.

const page = await readFile(fileURLToPath(new URL('../../docs/disk-format.md', import.meta.url)), 'utf8');

/** By name: what stands in the fenced blocks of the section. A name is a line of its own, its bytes are indented. */
function goldenBytes(): Map<string, string> {
  const section = page.split('\n## Golden bytes\n')[1]?.split('\n## ')[0] ?? '';
  const golden = new Map<string, string>();
  for (const [, block] of section.matchAll(/```text\n([^`]*)```/g)) {
    let name = '';
    for (const line of block!.split('\n').filter((line) => line !== '')) {
      const [, bytes] = /^ {2}((?:[0-9a-f]{2})+)(?: {2}|$)/.exec(line) ?? [];
      if (bytes !== undefined) golden.set(name, golden.get(name)! + bytes);
      else {
        assert.match(line, /^\S/, 'neither a name nor bytes');
        name = line;
        golden.set(name, '');
      }
    }
  }
  return golden;
}

const LARGE = Buffer.alloc(20_000, 'a');
const UNFINISHED = Buffer.alloc(40_000, 'b');

/** What the section says that the store was given. */
async function written(folder: string): Promise<Map<string, string>> {
  const clock = new ManualClock();
  await withStore({ folder, clock }, async (store) => {
    await put(store, 'a', Buffer.from('mud'), version(1));
    clock.advance(1000);
    await put(store, 'a', LARGE, version(2), 'cached');
    const writer = await store.resume(manifestOf('b', UNFINISHED, version(3), 20_000));
    await writer.write(0, UNFINISHED.subarray(0, 20_000));
    await writer.suspend();
    await store.facts.put('drain', Buffer.of(1));
  });
  const found = await rawIndex(folder, (db) => db.iterator().all());
  const records = found
    .filter(([key]) => key.toString() !== 'j')
    .map(([key, value]) => {
      return [`${String.fromCharCode(key[0]!)} ${key.toString('hex', 1)}`.trim(), value.toString('hex')] as const;
    });
  const log = (await segments(folder))['00000001.log']!;
  const headers = [0, HEADER_BYTES + LARGE.length].map((at) => {
    return [`segments/00000001.log at ${at}`, log.toString('hex', at, at + HEADER_BYTES)] as const;
  });
  return new Map([...records, ...headers]);
}

/** A fact put and removed, of another folder: so short that the journal fits on the page. */
async function noted(folder: string): Promise<Map<string, string>> {
  await withStore({ folder, clock: new ManualClock() }, async ({ facts }) => {
    await facts.put('drain', Buffer.of(1));
    await facts.delete('drain');
  });
  const journal = join(folder, 'journal');
  const files = (await readdir(journal)).map(async (name) => {
    return [`journal/${name}`, (await readFile(join(journal, name))).toString('hex')] as const;
  });
  const j = await rawIndex(folder, (db) => db.get(Buffer.from('j')));
  return new Map([...(await Promise.all(files)), ['j', j!.toString('hex')]]);
}

test('the golden bytes of docs/disk-format.md are those that a store writes, all of them', () =>
  inFolder((one) =>
    inFolder(async (other) => {
      const sorted = (entries: Map<string, string>) => Object.fromEntries([...entries].sort());
      const real = new Map([...(await written(one)), ...(await noted(other))]);
      assert.equal(sorted(goldenBytes()), sorted(real));
    }),
  ));

test.run();
