import * as assert from 'node:assert/strict';
import { isMurkyError } from '../../../src/errors.js';
import { resourceId } from '../../../src/object/key.js';
import { ObjectStore } from '../../../src/store/object-store.js';
import { content, read } from '../objects.js';

export const MAX_BYTES = 64 * 2 ** 20;

/** The value that version `time` has; undefined for a deletion. Every other one is too large for the index. */
export function valueAt(time: number): Buffer | undefined {
  if (time % 5 === 0) return undefined;
  return content(time % 2 === 0 ? 20_000 : 50 + time, time);
}

/** What may be found of a key: the version that was acknowledged last, or one that was begun after it. */
export interface Known {
  acknowledged: number;
  readonly begun: number[];
}

/** Opens a folder as a crash has left it. Throws what is wrong with it. */
export async function checkFolder(folder: string, known: ReadonlyMap<string, Known>): Promise<void> {
  const store = await ObjectStore.open({ folder, maxBytes: MAX_BYTES });
  try {
    for (const [key, { acknowledged, begun }] of known) {
      const manifest = await store.current(resourceId(key));
      const time = manifest ? Number(manifest.version.time) : 0;
      const allowed = [acknowledged, ...begun.filter((one) => one > acknowledged)];
      assert.ok(allowed.includes(time), `${key} is at ${time}; it may be at ${allowed.join(', ')}`);
      if (!manifest) continue;
      const value = manifest.tombstone ? undefined : await read(store, key, manifest.version);
      assert.deepEqual(value, valueAt(time), `${key} ${time} is not what was written`);
    }
  } catch (error) {
    throw isMurkyError(error) ? new Error(`${error.code}: ${error.message}`) : error;
  } finally {
    await store.close();
  }
}
