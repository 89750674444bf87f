import type { Manifest } from '../object/manifest.js';
import { fetchOne } from './fetch-one.js';
import type { Parts } from './parts.js';

/**
 * Fetches a block that is damaged here from other nodes and puts it in its place. A store that does not take it, full
 * disk or not, does not keep the bytes from who asked. Rejects if no other node gives the block.
 */
export async function heal(
  parts: Parts,
  manifest: Manifest,
  index: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const { store, log, cluster } = parts;
  const { id, version, key } = manifest;
  const bytes = await fetchOne(parts, manifest, cluster.lookups.candidates(id), index, signal);
  try {
    if (await store.mend(id, version, index, bytes)) {
      log.info({ key, block: index }, 'A damaged block has been mended from another node.');
    }
  } catch (error) {
    log.warn({ key, block: index, error: String(error) }, 'A damaged block could not be mended.');
  }
  return bytes;
}
