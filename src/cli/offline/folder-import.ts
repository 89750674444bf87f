import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { loadConfig } from '../../config/load.js';
import { isMurkyError, MurkyError } from '../../errors.js';
import { metadataHeaders, metadataOf } from '../../gateway/object-headers.js';
import { StoppedNode } from '../../node/stopped-node.js';

/** A stopped node's folder, for objects to be put into it as a running node's HTTP interface takes them. */
export async function openFolder(named: string, config: string | undefined, signal: AbortSignal) {
  const folder = resolve(named);
  const loaded = loadConfig({ file: config }).config;
  const node = await StoppedNode.open({ ...loaded, dataDir: folder }).catch((error) => refuseLocked(error, folder));
  return {
    async put(key: string, body: Readable, facts: { bytes: number; metadata: Readonly<Record<string, string>> }) {
      const metadata = metadataOf(metadataHeaders(facts.metadata));
      const manifest = await node.put(key, body, { length: facts.bytes, metadata, signal });
      return { sha256: Buffer.from(manifest.sha256).toString('hex') };
    },
    close: () => node.close(),
  };
}

function refuseLocked(error: unknown, folder: string): never {
  if (!isMurkyError(error, 'MURKY_DATA_DIR_LOCKED')) throw error;
  throw new MurkyError('MURKY_DATA_DIR_LOCKED', `A node is running on the folder ${folder}.`, {
    hint: 'Stop it first, or have it take the objects itself: with --node, without --folder.',
    facts: { folder },
  });
}
