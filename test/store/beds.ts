import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { ObjectStore, type ObjectStoreOptions } from '../../src/store/object-store.js';

export const MIB = 2 ** 20;

export async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'murky-store-'));
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

/** One of the store's tables, behind its back; the store must be closed. */
export async function raw<T>(
  folder: string,
  table: 'index' | 'blocks',
  run: (db: Level<Buffer, Buffer>) => Promise<T>,
): Promise<T> {
  const db = new Level<Buffer, Buffer>(join(folder, table), { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  await db.open();
  try {
    return await run(db);
  } finally {
    await db.close();
  }
}
