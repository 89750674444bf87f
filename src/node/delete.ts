import type { HeldVersion, Poll } from '../cluster/poll.js';
import { resourceId } from '../object/key.js';
import { type Manifest, tombstone } from '../object/manifest.js';
import { compareVersions } from '../object/version.js';
import { currentIfSound, ignoreDamage } from '../store/damage.js';
import { commitHere, pollForWrite, spread } from './commit.js';
import { isConditional } from './condition.js';
import { writeOnCondition } from './conditional-write.js';
import type { DeleteOptions, WriteResult } from './contract.js';
import { find, notFound } from './find.js';
import type { Parts } from './parts.js';
import { settle } from './quorum-read.js';

/** Writes a tombstone and brings it to the owners as a put does. See ObjectNode.delete. */
export async function remove(parts: Parts, key: string, options: DeleteOptions = {}): Promise<WriteResult> {
  const { store, versions } = parts;
  const id = resourceId(key);
  const { signal } = options;
  if (isConditional(options)) return await removeOnCondition(parts, key, options);
  const poll = await pollForWrite(parts, key, id, signal);
  const local = await currentIfSound(store, id);
  if (poll.newest) versions.observe(poll.newest.version);
  const newest = newestOf(poll, local);
  if (newest?.tombstone) {
    // "Not found" is an answer like that of a quorum read: no later one may find what was deleted.
    if (poll.complete) await settle(parts, id, poll, signal);
    throw notFound(key);
  }
  if (!newest) {
    // What is damaged here and held by no one else can be deleted all the same.
    const found = await find(parts, key, signal).catch(ignoreDamage);
    if (found) versions.observe(found.manifest.version);
  }
  if (newest?.manifest && newest.manifest.key !== key) throw notFound(key);
  signal?.throwIfAborted();
  const writer = store.begin();
  try {
    const manifest = await commitHere(parts, writer, tombstone(key, { time: 0n, node: 0n }));
    return await spread(parts, manifest, poll.complete || poll.exhausted, signal);
  } finally {
    await writer.abort(); // nothing after a commit
  }
}

async function removeOnCondition(parts: Parts, key: string, options: DeleteOptions): Promise<WriteResult> {
  const writer = parts.store.begin();
  try {
    const nothing = tombstone(key, { time: 0n, node: 0n });
    const { replaced, ...result } = await writeOnCondition(parts, writer, nothing, options, options.signal);
    return result;
  } finally {
    await writer.abort(); // nothing after a commit
  }
}

/** What a majority knows of stands; where too few could be asked it is the newest that was heard of. */
function newestOf({ complete, newest }: Poll, local: Manifest | undefined): HeldVersion | undefined {
  if (complete || !local) return newest;
  return newest && compareVersions(newest.version, local.version) > 0 ? newest : { ...local, manifest: local };
}
