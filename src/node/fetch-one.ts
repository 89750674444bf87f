import { MurkyError } from '../errors.js';
import type { Manifest } from '../object/manifest.js';
import type { Address } from '../rain/contract.js';
import type { Parts } from './parts.js';

/** One verified block from other nodes, past the store. MURKY_NO_SERVER if none of them gives it. */
export async function fetchOne(
  parts: Parts,
  manifest: Manifest,
  holders: readonly Address[],
  index: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  if (holders.length === 0) throw new MurkyError('MURKY_NO_SERVER', `No other node answers for "${manifest.key}".`);
  const options = { firstBlock: index, endBlock: index + 1, windowBlocks: 1, ...(signal && { signal }) };
  for await (const { bytes } of parts.rain.fetch(manifest, holders, options)) return bytes;
  throw new Error('A fetch ended early.');
}
