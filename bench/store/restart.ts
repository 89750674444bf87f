/** Opening a store of many objects, beside opening its LevelDB and iterating over the keys. */
import { join } from 'node:path';
import { Level } from 'level';
import { ObjectStore } from '../../src/store/object-store.js';
import { inFolder, inParallel, median, putObject, Values } from './workload.js';

export interface RestartRow {
  readonly objects: number;
  readonly objectBytes: number;
  readonly storeMs: number;
  readonly levelMs: number;
  readonly ratio: number;
}

const ROUNDS = 7;
const WRITERS = 64;

export async function measureRestart(objects: number, objectBytes: number): Promise<RestartRow> {
  return await inFolder(async (folder) => {
    const maxBytes = 2 * objects * (objectBytes + 1024);
    const filling = await ObjectStore.open({ folder, maxBytes });
    const values = new Values(objectBytes);
    await inParallel(WRITERS, 0, objects, (i) =>
      values.use(i, (value) => putObject(filling, `object-${i}`, value, i + 1)),
    );
    await filling.close();
    await iterateKeys(folder); // merges what the filling left in LevelDB's log, for both ways
    const storeMs: number[] = [];
    const levelMs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      levelMs.push(await timed(() => iterateKeys(folder)));
      let opened: ObjectStore | undefined;
      storeMs.push(
        await timed(async () => {
          opened = await ObjectStore.open({ folder, maxBytes });
        }),
      );
      if (opened?.stats().objects !== objects) throw new Error(`${opened?.stats().objects} objects came back`);
      await opened?.close();
    }
    const [store, level] = [median(storeMs), median(levelMs)];
    return { objects, objectBytes, storeMs: store, levelMs: level, ratio: store / level };
  });
}

/** All keys of the index, as a program that keeps its own list of keys would read them at its start. */
async function iterateKeys(folder: string): Promise<void> {
  const level = new Level<Buffer, Buffer>(join(folder, 'index'), { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  await level.open();
  let keys = 0;
  for await (const key of level.keys()) keys += key.length > 0 ? 1 : 0;
  if (keys === 0) throw new Error('the index is empty');
  await level.close();
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
