import { MurkyError } from '../errors.js';
import { resourceId } from '../object/key.js';
import { BLOCK_BYTES, checkMetadata, MAX_OBJECT_BYTES } from '../object/manifest.js';
import { compareVersions } from '../object/version.js';
import { currentIfSound } from '../store/damage.js';
import { commitHere, pollForWrite, spread } from './commit.js';
import { isConditional } from './condition.js';
import { checkAtQuorum, writeOnCondition } from './conditional-write.js';
import type { PutOptions, WriteResult } from './contract.js';
import { cutBlocks } from './cut.js';
import type { Parts } from './parts.js';
import { tooLarge, writeBlocks } from './write-blocks.js';

/** Stores a value: blocks here as they come, then the manifest, then the owners. See ObjectNode.put. */
export async function put(
  parts: Parts,
  key: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  options: PutOptions = {},
): Promise<WriteResult> {
  const { store, cluster, versions, blockBytes = BLOCK_BYTES } = parts;
  const id = resourceId(key);
  const metadata = checkedMetadata(options.metadata);
  if ((options.length ?? 0) > MAX_OBJECT_BYTES) throw tooLarge(key);
  cluster.plan(id);
  const current = await currentIfSound(store, id);
  if (current && current.key !== key) throw taken(key, id, current.key);
  // Before the body is asked for, so that what is refused never crosses the wire.
  if (isConditional(options)) await checkAtQuorum(parts, key, id, options, options.signal);
  // Asked while the body comes in: a write that ended before this one began is older than it in any case.
  const polling = pollForWrite(parts, key, id, options.signal);
  let refusal: unknown;
  polling.catch((error) => {
    refusal = error;
  });
  const writer = store.begin();
  try {
    const check = () => {
      if (refusal) throw refusal;
    };
    const { length, signal } = options;
    const { sha256 } = parts;
    const written = await writeBlocks(key, cutBlocks(body, blockBytes, signal), writer, { length, check, sha256 });
    const poll = await polling;
    const { newest } = poll;
    if (newest?.manifest && newest.manifest.key !== key) throw taken(key, id, newest.manifest.key);
    if (newest) versions.observe(newest.version);
    options.signal?.throwIfAborted();
    const draft = { key, id, tombstone: false, blockBytes, metadata, ...written };
    if (isConditional(options)) return await writeOnCondition(parts, writer, draft, options, options.signal);
    const manifest = await commitHere(parts, writer, draft);
    const before = newest && (!current || compareVersions(newest.version, current.version) > 0) ? newest : current;
    const replaced = before !== undefined && !before.tombstone;
    return { ...(await spread(parts, manifest, poll.complete || poll.exhausted, options.signal)), replaced };
  } finally {
    await writer.abort(); // nothing after a commit
  }
}

/** As a manifest has it: in order. */
export function checkedMetadata(given: Readonly<Record<string, string>> = {}): Record<string, string> {
  const metadata = Object.fromEntries(Object.entries(given).sort(([a], [b]) => (a < b ? -1 : 1)));
  checkMetadata(metadata);
  return metadata;
}

export function taken(key: string, id: bigint, owner: string): MurkyError {
  return new MurkyError('MURKY_ID_TAKEN', `"${key}" has the id ${id}, which belongs to the key "${owner}" already.`, {
    hint: 'Choose another key.',
    facts: { id: String(id), key: owner },
  });
}
