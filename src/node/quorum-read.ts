import type { Poll } from '../cluster/poll.js';
import { MurkyError } from '../errors.js';
import { resourceId } from '../object/key.js';
import { compareVersions, type Version, versionFromText } from '../object/version.js';
import { ignoreDamage } from '../store/damage.js';
import { abortable } from './abortable.js';
import type { ReadOptions } from './contract.js';
import { type Found, find, notFound } from './find.js';
import type { Parts } from './parts.js';

/** How long owners have to say what they hold. */
const POLL_MS = 2000;
/** Times that what was found may be gone when it is to be brought to more owners. */
const MAX_TRIES = 4;

/** The version that a reader with these options is to get. */
export async function findFor(parts: Parts, key: string, options: ReadOptions): Promise<Found> {
  if (options.version !== undefined) {
    const manifest = await parts.store.manifest(resourceId(key), versionFromText(options.version));
    if (!manifest || manifest.tombstone || manifest.key !== key) throw noVersion(key, options.version);
    return { manifest };
  }
  return options.consistency === 'quorum' ? findAtQuorum(parts, key, options.signal) : find(parts, key, options.signal);
}

/**
 * The newest version of `key` that a majority of the owners knows of, held durably by a majority before this resolves:
 * whoever reads so afterwards finds it, or a newer one (Attiya, Bar-Noy, Dolev 1995). Where the answers show that a
 * majority holds it already nothing is brought anywhere; any majority asked later meets that one as well.
 * MURKY_NOT_FOUND if there is none or it was deleted, MURKY_NO_QUORUM if no majority answers or takes it.
 */
export async function findAtQuorum(parts: Parts, key: string, signal?: AbortSignal): Promise<Found> {
  const id = resourceId(key);
  for (let tries = 1; ; tries++) {
    const poll = await parts.cluster.polls.ask(id, POLL_MS, signal);
    if (!poll.complete) throw tooFew(key, poll);
    const found = await settle(parts, id, poll, signal);
    if (found === 'gone' && tries < MAX_TRIES) continue;
    if (found === 'gone') throw tooFew(key, poll);
    // Another key that lands on the same id is another object.
    if (!found || found.manifest.tombstone || found.manifest.key !== key) throw notFound(key);
    return found;
  }
}

/**
 * Makes sure that a majority holds the newest version that a poll found. 'gone' if its holders do not have it any more,
 * as after an overwrite.
 */
export async function settle(
  parts: Parts,
  id: bigint,
  poll: Poll,
  signal?: AbortSignal,
): Promise<Found | 'gone' | undefined> {
  const { cluster, store, versions, rain } = parts;
  if (!poll.newest) return undefined;
  const { version } = poll.newest;
  versions.observe(version);
  const inStore = (which: Version) => store.manifest(id, which).catch(ignoreDamage);
  const here = await inStore(version);
  const addresses = poll.holders.others.map(({ address }) => address);
  let manifest = poll.newest.manifest ?? here;
  let { holders } = poll;
  if (!manifest) {
    const located = await rain.locate(id, addresses, { timeoutMs: POLL_MS, ...(signal && { signal }) });
    if (!located || compareVersions(located.manifest.version, version) < 0) return 'gone';
    manifest = located.manifest;
    const holding = new Set(located.holders.map(({ host, port }) => `${host} ${port}`));
    const others = holders.others.filter(({ address }) => holding.has(`${address.host} ${address.port}`));
    holders = { self: false, others };
  }
  await abortable(cluster.writeBack(manifest, holders), signal);
  const held = here ?? (await inStore(manifest.version));
  return held ? { manifest: held } : { manifest, holders: holders.others.map(({ address }) => address) };
}

function noVersion(key: string, version: string): MurkyError {
  return new MurkyError('MURKY_NOT_FOUND', `This node has no value of "${key}" in version ${version}.`, {
    hint: 'GET with ?versions lists what it has; another owner may have more.',
  });
}

function tooFew(key: string, { answered, needed, count }: Poll): MurkyError {
  return new MurkyError(
    'MURKY_NO_QUORUM',
    `Only ${answered} of ${count} owners answered for "${key}", and ${needed} have to.`,
    {
      hint: 'Try again when more nodes can be reached, or read without consistency=quorum.',
      facts: { answered, needed, owners: count },
    },
  );
}
