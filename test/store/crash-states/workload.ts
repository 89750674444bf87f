// What is recorded: a store at work in the folder argv[2]. Each acknowledged write is told on standard output.
import { setTimeout as sleep } from 'node:timers/promises';
import { tombstone } from '../../../src/object/manifest.js';
import { ObjectStore } from '../../../src/store/object-store.js';
import { put, version } from '../objects.js';
import { MAX_BYTES, valueAt } from './expected.js';

const GRACE_MS = 500;

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

for (const [count, facts, factBytes] of [
  // So that LevelDB is flushed, and a snapshot of the journal taken, while the store is at work.
  [6, 5, 40_000],
  [6, 0, 0],
  // So that LevelDB begins another log by itself.
  [4, 5, 2 ** 20],
] as const) {
  const store = await ObjectStore.open({ folder, maxBytes: MAX_BYTES, journalBytes: 100_000, graceMs: GRACE_MS });
  await writes(store, count);
  for (let i = 0; i < facts; i++) await store.facts.put(`fact ${i}`, Buffer.alloc(factBytes));
  await Promise.all([sleep(GRACE_MS), writes(store, 3)]); // upkeep comes meanwhile
  await writes(store, 2);
  await store.close();
}
