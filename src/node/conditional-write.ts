import type { Poll } from '../cluster/poll.js';
import { MurkyError } from '../errors.js';
import type { Manifest } from '../object/manifest.js';
import { compareVersions, type Version } from '../object/version.js';
import { sleep } from '../seam/clock.js';
import type { BlockWriter } from '../store/contract.js';
import { commitHere, type Draft, pollForWrite, spread, superseded } from './commit.js';
import { type Condition, checkCondition } from './condition.js';
import type { WriteResult } from './contract.js';
import { notFound } from './find.js';
import type { Parts } from './parts.js';
import { settle } from './quorum-read.js';

const RETRY_MS = 50;

/** The object as a majority of the owners knows it, if it is what the condition asks for. MURKY_PRECONDITION_FAILED. */
export async function checkAtQuorum(
  parts: Parts,
  key: string,
  id: bigint,
  condition: Condition,
  signal?: AbortSignal,
): Promise<{ poll: Poll; before: Manifest | undefined } | 'gone'> {
  const poll = await pollForWrite(parts, key, id, signal, true);
  const found = await settle(parts, id, poll, signal);
  if (found === 'gone') return found;
  const before = found && !found.manifest.tombstone && found.manifest.key === key ? found.manifest : undefined;
  checkCondition(key, condition, before);
  return { poll, before };
}

/**
 * Commits a write that replaces what its condition asks for, and brings it to the owners. With a register of versions
 * that all nodes share no other conditional write that replaces the same version is acknowledged. Without one two at
 * the same time may be, at different nodes; the one that loses is told what has overtaken it.
 */
export async function writeOnCondition(
  parts: Parts,
  writer: BlockWriter,
  draft: Draft,
  condition: Condition,
  signal?: AbortSignal,
): Promise<WriteResult> {
  const { cluster, versions } = parts;
  const { key, id } = draft;
  const { manifest, before } = await commitOnCondition(parts, writer, draft, condition, signal);
  let acknowledged = false;
  try {
    const result = await spread(parts, manifest, true, signal);
    if (result.overtaken && !(await cluster.claims.holds(id, manifest.version))) throw superseded(key);
    versions.observe(result.overtaken ?? manifest.version);
    acknowledged = true;
    return { ...result, replaced: before !== undefined };
  } finally {
    cluster.claims.end(id, manifest.version, acknowledged);
  }
}

async function commitOnCondition(
  parts: Parts,
  writer: BlockWriter,
  draft: Draft,
  condition: Condition,
  signal: AbortSignal | undefined,
): Promise<{ manifest: Manifest; before: Manifest | undefined }> {
  const { clock, cluster, versions } = parts;
  const { key, id } = draft;
  const giveUpAt = clock.monotonic() + cluster.writeTimeoutMs;
  for (;;) {
    const seen = await checkAtQuorum(parts, key, id, condition, signal);
    if (seen !== 'gone' && draft.tombstone && !seen.before) throw notFound(key);
    const newest = seen === 'gone' ? undefined : seen.poll.newest?.version;
    const standing = seen === 'gone' ? 'busy' : await cluster.claims.look(id, newest);
    if (seen !== 'gone' && standing !== 'busy') {
      for (const version of [newest, standing.claimed]) if (version) versions.observe(version);
      let claimed: Version | undefined;
      const manifest = await commitHere(parts, writer, draft, async (version, current) => {
        if (current && isNewer(current.version, newest) && cluster.owners(id).self) return false; // written since, here
        if (!(await cluster.claims.claim(id, standing, version))) return false;
        claimed = version;
        // Whoever had claimed before may have got through until its claim was taken away.
        return !standing.void || (await stillNewest(parts, key, id, newest, signal));
      }).catch((error) => {
        if (claimed) cluster.claims.end(id, claimed, false);
        throw error;
      });
      if (manifest) return { manifest, before: seen.before };
      if (claimed) cluster.claims.end(id, claimed, false);
    }
    if (clock.monotonic() >= giveUpAt) throw busy(key);
    await sleep(clock, RETRY_MS, signal);
  }
}

async function stillNewest(parts: Parts, key: string, id: bigint, seen: Version | undefined, signal?: AbortSignal) {
  const { newest } = await pollForWrite(parts, key, id, signal, true);
  return !newest || !isNewer(newest.version, seen);
}

function isNewer(version: Version, than: Version | undefined): boolean {
  return !than || compareVersions(version, than) > 0;
}

function busy(key: string): MurkyError {
  return new MurkyError('MURKY_BUSY', `Another conditional write of "${key}" has not ended yet; nothing was written.`, {
    hint: 'Try again.',
  });
}
