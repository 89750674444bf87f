import { isMurkyError, MurkyError } from '../errors.js';
import { blockCount, type Manifest } from '../object/manifest.js';
import type { Version } from '../object/version.js';
import type { BlockWriter } from '../store/contract.js';
import { currentIfSound } from '../store/damage.js';
import { abortable } from './abortable.js';
import type { WriteResult } from './contract.js';
import type { Parts } from './parts.js';

/** A version without its number, which is chosen at the commit. */
export type Draft = Omit<Manifest, 'version'>;

/**
 * Times that a write takes a greater version because an owner holds a newer one. Each time it is greater than all that
 * the owners had before, so what is still newer after three owners was written at the same time.
 */
const MAX_RENEWALS = 3;

/** Makes a write visible here under a version greater than all that this node has seen of the resource. */
export function commitHere(parts: Parts, writer: BlockWriter, draft: Draft): Promise<Manifest> {
  const { store, versions, cluster } = parts;
  return cluster.commits.run(draft.id, async () => {
    const current = await currentIfSound(store, draft.id);
    if (current) versions.observe(current.version);
    const manifest = { ...draft, version: versions.next() };
    const outcome = await writer.commit(manifest, 'replica');
    if (outcome !== 'committed') throw superseded(draft.key);
    return manifest;
  });
}

/**
 * Brings a committed version to its owners. Where one of them holds a newer one, written elsewhere by a clock ahead of
 * this one's, the write takes a still greater version and tries again: a later write wins whatever the clocks say. Of
 * two writes at the same time either may win; both are acknowledged.
 */
export async function spread(parts: Parts, committed: Manifest, signal?: AbortSignal): Promise<WriteResult> {
  let manifest = committed;
  for (let renewals = 0; ; renewals++) {
    const newerCounts = renewals === MAX_RENEWALS;
    const replicated = parts.cluster
      .replicate(manifest, newerCounts)
      .catch((error) => takeBack(parts, manifest, error));
    const { newer, ...counted } = await abortable(replicated, signal);
    if (!newer) return { manifest, ...counted };
    manifest = await renew(parts, manifest, newer);
  }
}

/** A key whose id belongs to another one at the owners must not stay here either. */
async function takeBack(parts: Parts, manifest: Manifest, error: unknown): Promise<never> {
  if (isMurkyError(error, 'MURKY_ID_TAKEN')) {
    await parts.store.setRole(manifest.id, manifest.version, 'cached');
    await parts.store.dropCached(manifest.id);
  }
  throw error;
}

/** The same value again, under a version greater than `newer`. */
async function renew(parts: Parts, manifest: Manifest, newer: Version): Promise<Manifest> {
  const { store, versions } = parts;
  versions.observe(newer);
  const writer = store.begin();
  try {
    for (let index = 0; index < blockCount(manifest.size, manifest.blockBytes); index++) {
      const bytes = await store.block(manifest.id, manifest.version, index);
      if (!bytes) throw superseded(manifest.key);
      await writer.write(index, bytes);
    }
    return await commitHere(parts, writer, manifest);
  } finally {
    await writer.abort(); // nothing after a commit
  }
}

function superseded(key: string): MurkyError {
  return new MurkyError(
    'MURKY_SUPERSEDED',
    `"${key}" was written elsewhere at the same time, and that version is newer.`,
    {
      hint: 'Read it, and write again if this value is still wanted.',
    },
  );
}
