import type { Poll } from '../cluster/poll.js';
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

/** Asked with the version that a write is to get, and what it would replace here. */
export type Admit = (version: Version, current: Manifest | undefined) => Promise<boolean>;

/**
 * Times that a write takes a greater version because an owner holds a newer one. Each time it is greater than all that
 * the owners had before, so what is still newer after three owners was written at the same time.
 */
const MAX_RENEWALS = 3;

/** Makes a write visible here under a version greater than all that this node has seen of the resource. */
export function commitHere(parts: Parts, writer: BlockWriter, draft: Draft): Promise<Manifest>;
/** Only if `admit` grants the chosen version; undefined, and nothing is committed, if it does not. */
export function commitHere(
  parts: Parts,
  writer: BlockWriter,
  draft: Draft,
  admit: Admit,
): Promise<Manifest | undefined>;
export function commitHere(parts: Parts, writer: BlockWriter, draft: Draft, admit?: Admit) {
  const { store, versions, cluster } = parts;
  return cluster.commits.run(draft.id, async () => {
    const current = await currentIfSound(store, draft.id);
    if (current) versions.observe(current.version);
    const manifest = { ...draft, version: versions.next() };
    if (admit && !(await admit(manifest.version, current))) return undefined;
    const outcome = await writer.commit(manifest, 'replica');
    if (outcome !== 'committed') throw superseded(draft.key);
    return manifest;
  });
}

/**
 * Asks the owners which version they hold, so that what is written next is greater than every write that was
 * acknowledged before. MURKY_NO_QUORUM if too few of them answer: then nothing has been written. With a write quorum
 * below a majority that is no reason to fail, unless `always`.
 */
export async function pollForWrite(
  parts: Parts,
  key: string,
  id: bigint,
  signal?: AbortSignal,
  always = false,
): Promise<Poll> {
  const { quorum } = parts.cluster.plan(id);
  const poll = await parts.cluster.polls.ask(id, parts.cluster.writeTimeoutMs, signal);
  if (poll.complete || poll.exhausted || (!poll.orderable && !always)) return poll;
  const { answered, needed, count } = poll;
  throw new MurkyError(
    'MURKY_NO_QUORUM',
    `Only ${answered} of ${count} owners could be asked which version of "${key}" they hold, and ${needed} have to.`,
    {
      hint: 'Nothing was written. Try again when more nodes can be reached; "murky status" shows who is away.',
      facts: { durable: 0, answered, needed, owners: count, quorum },
    },
  );
}

/**
 * Brings a committed version to its owners. An `ordered` one, chosen after a complete poll, is greater than all that was
 * acknowledged before: an owner that holds a newer one got it from a write at the same time, and this one counts as
 * overwritten at once. A version is never changed then, as a reader may have seen it: to write the value again under a
 * greater one could bring it back after what overwrote it.
 * Without order (a write quorum below a majority) a newer one may be older in truth, from a clock that is ahead: the
 * write takes a still greater version and tries again.
 */
export async function spread(
  parts: Parts,
  committed: Manifest,
  ordered: boolean,
  signal?: AbortSignal,
): Promise<WriteResult> {
  let manifest = committed;
  for (let renewals = 0; ; renewals++) {
    const replicated = parts.cluster
      .replicate(manifest, ordered || renewals === MAX_RENEWALS)
      .catch((error) => takeBack(parts, manifest, error));
    const { newer, ...counted } = await abortable(replicated, signal);
    if (!newer) return { manifest, ordered, ...counted };
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

export function superseded(key: string): MurkyError {
  return new MurkyError(
    'MURKY_SUPERSEDED',
    `"${key}" was written elsewhere at the same time, and that version is newer.`,
    {
      hint: 'Read it, and write again if this value is still wanted.',
    },
  );
}
