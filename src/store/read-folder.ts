import { MurkyError } from '../errors.js';
import { blockLength, decodeManifest, type Manifest, sha256 } from '../object/manifest.js';
import { type Disk, levelDisk } from './disk.js';
import { currentKey, fieldText, manifestKey, textRange } from './index-keys.js';
import { paged, straight } from './paging.js';
import { StoppedFolder } from './stopped-folder.js';
import type { Table } from './table.js';
import { decodeRecord } from './version-record.js';

const PAGE_KEYS = 256;

export interface FolderObject {
  readonly manifest: Manifest;
  /** Its blocks in order, verified, to be read before the next object is asked for. */
  blocks(): AsyncGenerator<Uint8Array>;
}

/**
 * The objects that a stopped node holds, in the order of their keys; nothing in the folder changes. Rejects with
 * MURKY_BLOCK_CORRUPT at what is damaged, MURKY_DATA_DIR_LOCKED if a node runs on the folder, MURKY_DATA_DIR_UNUSABLE if
 * it is not a node's, of another format, or its index cannot be read.
 */
export async function* readFolder(path: string, prefix: string, disk: Disk = levelDisk): AsyncGenerator<FolderObject> {
  const folder = await StoppedFolder.open(path, disk);
  try {
    const index = await folder.index();
    if (!index) return;
    for await (const [key, id] of paged(() => index, textRange('byKey', prefix), straight, PAGE_KEYS)) {
      const at = currentKey(id.readBigUInt64BE(0));
      const { slot, manifest } = await currentVersion(index, at, fieldText(key));
      yield { manifest, blocks: () => blocksOf(folder, index, slot, manifest) };
    }
  } finally {
    await folder.close();
  }
}

async function currentVersion(index: Table, at: Buffer, key: string): Promise<{ slot: number; manifest: Manifest }> {
  const bytes = await index.get(at);
  if (!bytes) throw damaged(`The record of "${key}" is missing.`, key);
  const record = decodeRecord(at, bytes);
  const manifest = await index.get(manifestKey(record.slot));
  if (!manifest || !sha256(manifest).equals(record.manifestSha256)) {
    throw damaged(`The manifest of "${key}" is ${manifest ? 'damaged' : 'missing'}.`, key);
  }
  return { slot: record.slot, manifest: decodeManifest(manifest) };
}

async function* blocksOf(
  folder: StoppedFolder,
  index: Table,
  slot: number,
  manifest: Manifest,
): AsyncGenerator<Uint8Array> {
  const { key, blockHashes } = manifest;
  for (const [block, hash] of blockHashes.entries()) {
    const bytes = await folder.block(index, slot, block);
    if (bytes?.length !== blockLength(manifest, block) || !sha256(bytes).equals(hash)) {
      throw damaged(`Block ${block} of "${key}" is missing or damaged.`, key);
    }
    yield bytes;
  }
}

function damaged(what: string, key: string): MurkyError {
  return new MurkyError('MURKY_BLOCK_CORRUPT', what, {
    hint: 'murky verify tells all that is damaged, and murky repair mends what can be mended here.',
    facts: { key },
  });
}
