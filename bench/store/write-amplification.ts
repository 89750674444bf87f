/** Bytes that a store's process has the kernel write to the disk, for each byte of the objects that it is given. */
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ObjectStore } from '../../src/store/object-store.js';
import { inFolder, inParallel, putObject, Values } from './workload.js';

export interface AmplificationRow {
  readonly objectBytes: number;
  readonly writers: number;
  readonly objects: number;
  readonly amplification: number;
}

/** In a process of its own: /proc/self/io counts all that a process writes. */
export async function measureAmplification(
  objectBytes: number,
  writers: number,
  totalBytes: number,
): Promise<AmplificationRow> {
  const child = fork(fileURLToPath(import.meta.url), [`${objectBytes}`, `${writers}`, `${totalBytes}`]);
  return await new Promise((resolve, reject) => {
    child.on('message', (row) => resolve(row as AmplificationRow));
    child.on('exit', (code) => reject(new Error(`the store's process ended with ${code}`)));
  });
}

/** Includes the close, which writes what LevelDB still held. */
async function run(objectBytes: number, writers: number, totalBytes: number): Promise<AmplificationRow> {
  const objects = Math.ceil(totalBytes / objectBytes);
  return await inFolder(async (folder) => {
    const values = new Values(objectBytes);
    const before = writtenBytes();
    const store = await ObjectStore.open({ folder, maxBytes: 2 * totalBytes });
    await inParallel(writers, 0, objects, (i) =>
      values.use(i, (value) => putObject(store, `object-${i}`, value, i + 1)),
    );
    await store.close();
    const amplification = (writtenBytes() - before) / (objects * objectBytes);
    return { objectBytes, writers, objects, amplification };
  });
}

function writtenBytes(): number {
  const line = /^write_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'));
  return Number(line?.[1]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [objectBytes = 0, writers = 1, totalBytes = 0] = process.argv.slice(2).map(Number);
  process.send?.(await run(objectBytes, writers, totalBytes));
  process.disconnect();
}
