// What is recorded: a store at work in the folder argv[2]. Each acknowledged write is told on standard output.
import { tombstone } from '../../../src/object/manifest.js';
import { ObjectStore } from '../../../src/store/object-store.js';
import { put, version } from '../objects.js';
import { MAX_BYTES, valueAt } from './expected.js';

const folder = process.argv[2]!;
let time = 0;

/** 3 keys by turns; every fifth version is a deletion. */
async function writes(store: ObjectStore, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const at = ++time;
    const key = `key-${at % 3}`;
    const value = valueAt(at);
    process.stdout.write(`begun ${key} ${at}\n`);
    if (value) await put(store, key, value, version(at));
    else await store.begin().commit(tombstone(key, version(at)), 'replica');
    process.stdout.write(`acknowledged ${key} ${at}\n`);
  }
}

for (const [count, facts] of [
  [6, 5],
  [6, 0],
  [4, 0],
] as const) {
  const store = await ObjectStore.open({ folder, maxBytes: MAX_BYTES });
  await writes(store, count);
  // So many that LevelDB begins another log, and a table, while the store is at work.
  for (let i = 0; i < facts; i++) await store.facts.put(`fact ${i}`, Buffer.alloc(2 ** 20));
  await writes(store, 3);
  await store.close();
}
