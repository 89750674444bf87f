import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { ObjectStore, type ObjectStoreOptions } from '../../src/store/object-store.js';

export const MIB = 2 ** 20;

export async function inFolder(run: (folder: string) => Promise<void>, above = tmpdir()): Promise<void> {
  const folder = await mkdtemp(join(above, 'murky-store-'));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function withStore<T>(
  options: Partial<ObjectStoreOptions> & { folder: string },
  run: (store: ObjectStore) => Promise<T>,
): Promise<T> {
  const store = await ObjectStore.open({ maxBytes: 64 * MIB, ...options });
  try {
    return await run(store);
  } finally {
    await store.close();
  }
}

/** The store's index, behind its back; the store must be closed. */
export async function rawIndex<T>(folder: string, run: (db: Level<Buffer, Buffer>) => Promise<T>): Promise<T> {
  const db = new Level<Buffer, Buffer>(join(folder, 'index'), { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  await db.open();
  try {
    return await run(db);
  } finally {
    await db.close();
  }
}

/** The store's segments, by name. */
export async function segments(folder: string): Promise<Record<string, Buffer>> {
  const names = (await readdir(join(folder, 'segments'))).sort();
  const files = names.map(async (name) => [name, await readFile(join(folder, 'segments', name))] as const);
  return Object.fromEntries(await Promise.all(files));
}

/** Changes a segment behind the store's back. */
export async function changeSegment(folder: string, name: string, change: (bytes: Buffer) => Buffer): Promise<void> {
  const path = join(folder, 'segments', name);
  await writeFile(path, change(await readFile(path)));
}
