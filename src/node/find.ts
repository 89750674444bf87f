import { MurkyError } from '../errors.js';
import { resourceId } from '../object/key.js';
import type { Manifest } from '../object/manifest.js';
import { compareVersions } from '../object/version.js';
import type { Address } from '../rain/contract.js';
import { ignoreDamage } from '../store/damage.js';
import type { Parts } from './parts.js';

/** A version and where its bytes are. */
export interface Found {
  readonly manifest: Manifest;
  /** Holders to fetch from; undefined where it is in this node's store. */
  readonly holders?: readonly Address[];
}

/**
 * The newest version of `key` that this node holds or finds: an owner's replica is taken as it is here; another copy only
 * after a glance at the owners, if they answer; anything else, and what is damaged here, is looked for at the peers.
 * MURKY_NOT_FOUND if there is none or it was deleted, MURKY_NO_SERVER if too few owners answer to tell,
 * MURKY_BLOCK_CORRUPT if it is damaged here and no one else has it.
 */
export async function find(parts: Parts, key: string, signal?: AbortSignal): Promise<Found> {
  const found = await findAny(parts, resourceId(key), signal, key);
  // Another key that lands on the same id is another object.
  if (!found || found.manifest.tombstone || found.manifest.key !== key) throw notFound(key);
  return found;
}

/** Like {@link find}, tombstones too, whatever the key, which is for sentences alone. */
export async function findAny(
  parts: Parts,
  id: bigint,
  signal?: AbortSignal,
  key?: string,
): Promise<Found | undefined> {
  const { store, cluster, versions } = parts;
  let damage: unknown;
  const local = await store.current(id).catch((error) => {
    damage = error;
    return ignoreDamage(error);
  });
  const role = local && (await store.role(id));
  // Who keeps a replica for owners that have not got it yet is not told of later versions, and has to ask.
  if (local && role === 'replica' && cluster.owners(id).self) return { manifest: local };
  if (local) {
    const newest = await cluster.lookups.glance(id, signal);
    if (!newest || compareVersions(newest.version, local.version) <= 0) return { manifest: local };
    versions.observe(newest.version);
  }
  const located = await cluster.lookups.find(id, signal, key);
  if (!located && damage) throw damage;
  if (!located) return local && { manifest: local };
  if (local && compareVersions(located.manifest.version, local.version) <= 0) return { manifest: local };
  // A newer value takes the copy's place when it has been fetched; until then the copy is of use to its readers.
  if (local && located.manifest.tombstone) await store.dropCached(id);
  return { manifest: located.manifest, holders: located.holders };
}

export function notFound(key: string): MurkyError {
  return new MurkyError('MURKY_NOT_FOUND', `There is no object "${key}".`);
}
