/** Ingest of large objects, durable one by one, beside plain files of the same bytes with an fdatasync each. */
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { fastCrc32 } from '../../src/native/fast-crc32.js';
import { ObjectStore } from '../../src/store/object-store.js';
import { GIB, inFolder, inParallel, MIB, median, nodeDisk, putObject, Values } from './workload.js';

export interface IngestRow {
  readonly writers: number;
  readonly filesMBps: number;
  readonly storeMBps: number;
  /** Store against files. */
  readonly ratio: number;
  readonly medianPutMs: number;
  readonly slowestPutMs: number;
  readonly slowestFileMs: number;
}

const OBJECT_BYTES = MIB;
/** The two ways take turns, so that what else the machine does meets both. */
const TURN_OBJECTS = 32;

export async function measureIngest(writers: number, totalBytes = GIB): Promise<IngestRow> {
  return await inFolder(async (folder) => {
    const store = await ObjectStore.open({
      folder: join(folder, 'store'),
      maxBytes: 2 * totalBytes,
      crc32: fastCrc32,
      disk: nodeDisk,
    });
    const files = join(folder, 'files');
    await mkdir(files);
    const values = new Values(OBJECT_BYTES);
    const ways = {
      files: {
        seconds: 0,
        each: [] as number[],
        put: (i: number) => values.use(i, (value) => writeFile(join(files, `${i}`), value)),
      },
      store: {
        seconds: 0,
        each: [] as number[],
        put: (i: number) => values.use(i, (value) => putObject(store, `object-${i}`, value, i + 1)),
      },
    };
    const objects = Math.floor(totalBytes / OBJECT_BYTES);
    for (let from = 0; from < objects; from += TURN_OBJECTS) {
      const order = (from / TURN_OBJECTS) % 2 === 0 ? [ways.files, ways.store] : [ways.store, ways.files];
      for (const way of order) {
        const started = performance.now();
        await inParallel(writers, from, Math.min(objects, from + TURN_OBJECTS), async (i) => {
          const began = performance.now();
          await way.put(i);
          way.each.push(performance.now() - began);
        });
        way.seconds += (performance.now() - started) / 1000;
      }
    }
    await store.close();
    const rate = (seconds: number) => (objects * OBJECT_BYTES) / 1e6 / seconds;
    return {
      writers,
      filesMBps: rate(ways.files.seconds),
      storeMBps: rate(ways.store.seconds),
      ratio: ways.files.seconds / ways.store.seconds,
      medianPutMs: median(ways.store.each),
      slowestPutMs: Math.max(...ways.store.each),
      slowestFileMs: Math.max(...ways.files.each),
    };
  });
}

async function writeFile(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.write(bytes, 0, bytes.length, 0);
    await file.datasync();
  } finally {
    await file.close();
  }
}
