import { resourceId } from '../object/key.js';
import { tombstone } from '../object/manifest.js';
import { compareVersions } from '../object/version.js';
import { currentIfSound, ignoreDamage } from '../store/damage.js';
import { commitHere, spread } from './commit.js';
import type { ReadOptions, WriteResult } from './contract.js';
import { find, notFound } from './find.js';
import type { Parts } from './parts.js';

/** Writes a tombstone and brings it to the owners as a put does. See ObjectNode.delete. */
export async function remove(parts: Parts, key: string, options: ReadOptions = {}): Promise<WriteResult> {
  const { store, cluster, versions } = parts;
  const id = resourceId(key);
  const { signal } = options;
  cluster.plan(id);
  const [local, seen] = await Promise.all([currentIfSound(store, id), cluster.lookups.glance(id, signal)]);
  if (seen) versions.observe(seen.version);
  const newest = seen && (!local || compareVersions(seen.version, local.version) > 0) ? seen : local;
  if (newest?.tombstone) throw notFound(key);
  if (!newest) {
    // What is damaged here and held by no one else can be deleted all the same.
    const found = await find(parts, key, signal).catch(ignoreDamage);
    if (found) versions.observe(found.manifest.version);
  }
  const known = newest && ('key' in newest ? newest : newest.manifest);
  if (known && known.key !== key) throw notFound(key);
  signal?.throwIfAborted();
  const writer = store.begin();
  try {
    const manifest = await commitHere(parts, writer, tombstone(key, { time: 0n, node: 0n }));
    return await spread(parts, manifest, signal);
  } finally {
    await writer.abort(); // nothing after a commit
  }
}
