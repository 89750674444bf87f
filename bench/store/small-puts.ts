/** Durable puts of small values by many writers at once, beside bare LevelDB batches with sync. */
import { join } from 'node:path';
import { Level } from 'level';
import { ObjectStore } from '../../src/store/object-store.js';
import { GIB, inFolder, inParallel, KIB, median, putObject, Values } from './workload.js';

export interface SmallPutsRow {
  readonly writers: number;
  readonly storePutsPerSecond: number;
  readonly levelPutsPerSecond: number;
  readonly ratio: number;
  readonly medianPutMs: number;
  readonly slowestPutMs: number;
}

const VALUE_BYTES = KIB;
const TURN_PUTS_PER_WRITER = 32;
const TURNS = 20;

export async function measureSmallPuts(writers: number): Promise<SmallPutsRow> {
  const turnPuts = TURN_PUTS_PER_WRITER * writers;
  return await inFolder(async (folder) => {
    const store = await ObjectStore.open({ folder: join(folder, 'store'), maxBytes: GIB });
    const level = new Level<string, Uint8Array>(join(folder, 'level'), { valueEncoding: 'view' });
    await level.open();
    const values = new Values(VALUE_BYTES);
    const ways = {
      level: {
        seconds: 0,
        each: [] as number[],
        put: (i: number) =>
          values.use(i, (value) => level.batch([{ type: 'put', key: `object-${i}`, value }], { sync: true })),
      },
      store: {
        seconds: 0,
        each: [] as number[],
        put: (i: number) => values.use(i, (value) => putObject(store, `object-${i}`, value, i + 1)),
      },
    };
    for (let turn = 0; turn < TURNS; turn++) {
      for (const way of turn % 2 === 0 ? [ways.level, ways.store] : [ways.store, ways.level]) {
        const started = performance.now();
        await inParallel(writers, turn * turnPuts, (turn + 1) * turnPuts, async (i) => {
          const began = performance.now();
          await way.put(i);
          way.each.push(performance.now() - began);
        });
        way.seconds += (performance.now() - started) / 1000;
      }
    }
    await store.close();
    await level.close();
    const rate = (seconds: number) => (TURNS * turnPuts) / seconds;
    return {
      writers,
      storePutsPerSecond: rate(ways.store.seconds),
      levelPutsPerSecond: rate(ways.level.seconds),
      ratio: ways.level.seconds / ways.store.seconds,
      medianPutMs: median(ways.store.each),
      slowestPutMs: Math.max(...ways.store.each),
    };
  });
}
