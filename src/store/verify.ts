import { MurkyError } from '../errors.js';
import { blockLength, decodeManifest, type Manifest, sha256 } from '../object/manifest.js';
import { versionToBytes } from '../object/version.js';
import { findBlock, type NamedRecord } from './block-index.js';
import { sameLocation } from './block-record.js';
import { type Disk, levelDisk } from './disk.js';
import { isDamagedTable } from './disk-error.js';
import { currentKey, fieldNumber, type Kind, kindRange, manifestKey, overwrittenKey, textKey } from './index-keys.js';
import { journalDamage } from './journal-replay.js';
import { paged, straight } from './paging.js';
import { StoppedFolder } from './stopped-folder.js';
import type { Table } from './table.js';
import { decodeRecord, type VersionRecord } from './version-record.js';

const PAGE_ENTRIES = 256;
const PAGE_SMALL_BLOCKS = 64;

/**
 * index: LevelDB cannot read its files. record, manifest: what an object is, is damaged or missing. entry: an entry of
 * the index that nothing has, or one that is missing. block: bytes of a value are damaged or missing. journal: what the
 * index would be made anew from is damaged.
 */
export type FindingKind = 'index' | 'record' | 'manifest' | 'entry' | 'block' | 'journal';

export interface Finding {
  readonly kind: FindingKind;
  /** One sentence. */
  readonly what: string;
  readonly key?: string;
  readonly block?: number;
  /** Keys of the index whose entries the journal may have, sound. */
  readonly wanted?: readonly Buffer[];
  /** Key of an entry that nothing has any more. */
  readonly loose?: Buffer;
}

export interface VerifyProgress {
  finding(finding: Finding): void;
  /** Bytes of blocks that were read. */
  advance(bytes: number): void;
  readonly signal?: AbortSignal;
}

export interface Verified {
  objects: number;
  tombstones: number;
  blocks: number;
  bytes: number;
  findings: number;
}

/**
 * Reads everything in the folder of a stopped node, and changes nothing. What is read at a time is bounded, however much
 * there is. MURKY_DATA_DIR_LOCKED if a node runs on it; MURKY_DATA_DIR_UNUSABLE if it is not a node's, or of another
 * format.
 */
export async function verifyFolder(
  folder: string,
  progress: VerifyProgress,
  disk: Disk = levelDisk,
): Promise<Verified> {
  const verified: Verified = { objects: 0, tombstones: 0, blocks: 0, bytes: 0, findings: 0 };
  const counted: VerifyProgress = {
    ...progress,
    finding(finding) {
      verified.findings++;
      progress.finding(finding);
    },
  };
  const stopped = await StoppedFolder.open(folder, disk);
  try {
    const { table, files } = stopped;
    if (table instanceof MurkyError) counted.finding({ kind: 'index', what: table.message });
    else await verifyIndex(stopped, verified, counted);
    const what = await journalDamage(files, folder, table);
    if (what) counted.finding({ kind: 'journal', what });
  } finally {
    await stopped.close();
  }
  return verified;
}

async function verifyIndex(folder: StoppedFolder, verified: Verified, progress: VerifyProgress): Promise<void> {
  try {
    const index = await folder.index();
    if (index) await new Verification(index, folder, verified, progress).run();
  } catch (error) {
    if (!isDamagedTable(error)) throw error;
    progress.finding({ kind: 'index', what: (error as MurkyError).message });
  }
}

class Verification {
  /** Entries of one slot come one after the other. */
  #slot: { slot: number; named: boolean } | undefined;

  constructor(
    private readonly table: Table,
    private readonly folder: StoppedFolder,
    private readonly verified: Verified,
    private readonly progress: VerifyProgress,
  ) {}

  async run(): Promise<void> {
    await this.#versions('current');
    await this.#versions('overwritten');
    await this.#ofSlots('manifest', PAGE_ENTRIES);
    await this.#ofSlots('block', PAGE_ENTRIES);
    await this.#ofSlots('inlineBlock', PAGE_SMALL_BLOCKS);
    await this.#places();
    // LevelDB checks what it reads; of these there is nothing else to check.
    for (const kind of ['byUse', 'byExpiry', 'fact', 'unfinished'] as const) for await (const _ of this.#entries(kind));
  }

  #entries(kind: Kind, page = PAGE_ENTRIES): AsyncGenerator<[Buffer, Buffer]> {
    this.progress.signal?.throwIfAborted();
    return paged(() => this.table, kindRange(kind), straight, page);
  }

  async #versions(kind: 'current' | 'overwritten'): Promise<void> {
    for await (const [key, value] of this.#entries(kind)) {
      let record: VersionRecord;
      try {
        record = decodeRecord(key, value);
      } catch (error) {
        this.progress.finding({ kind: 'record', what: (error as Error).message, wanted: [key] });
        continue;
      }
      if (kind === 'current') {
        if (record.tombstone) this.verified.tombstones++;
        else this.verified.objects++;
        if (!record.tombstone && !(await this.table.get(textKey('byKey', record.key)))) {
          const what = `"${record.key}" is missing in the directory of keys.`;
          this.progress.finding({ kind: 'entry', what, key: record.key, wanted: [key] });
        }
      }
      await this.#version(record);
    }
  }

  async #version(record: VersionRecord): Promise<void> {
    const { slot, key, manifestSha256 } = record;
    const bytes = await this.table.get(manifestKey(slot));
    if (!bytes || !sha256(bytes).equals(manifestSha256)) {
      const what = `The manifest of "${key}" is ${bytes ? 'damaged' : 'missing'}.`;
      this.progress.finding({ kind: 'manifest', what, key, wanted: [manifestKey(slot)] });
      return;
    }
    const manifest = decodeManifest(bytes);
    for (let index = 0; index < manifest.blockHashes.length; index++) {
      this.progress.signal?.throwIfAborted();
      await this.#block(record, manifest, index);
    }
  }

  async #block({ slot, key }: VersionRecord, manifest: Manifest, index: number): Promise<void> {
    const length = blockLength(manifest, index);
    const bytes = await this.folder.block(this.table, slot, index);
    this.verified.blocks++;
    this.verified.bytes += length;
    this.progress.advance(length);
    if (bytes?.length === length && sha256(bytes).equals(manifest.blockHashes[index]!)) return;
    const what = `Block ${index} of "${key}" is ${bytes ? 'damaged' : 'missing or damaged'}.`;
    this.progress.finding({ kind: 'block', what, key, block: index });
  }

  /** Entries that are filed under a slot belong to a version that has it. */
  async #ofSlots(kind: 'manifest' | 'block' | 'inlineBlock', page: number): Promise<void> {
    for await (const [key] of this.#entries(kind, page)) {
      const slot = fieldNumber(key);
      if (this.#slot?.slot !== slot) this.#slot = { slot, named: await this.#isNamed(slot) };
      if (this.#slot.named) continue;
      const what = `An entry of the index, ${key.toString('hex')}, belongs to no version.`;
      this.progress.finding({ kind: 'entry', what, loose: key });
    }
  }

  /** False only where it is certain: a damaged record or manifest may be the one that has the slot. */
  async #isNamed(slot: number): Promise<boolean> {
    const bytes = await this.table.get(manifestKey(slot));
    if (!bytes) return true;
    try {
      const { id, version } = decodeManifest(bytes);
      for (const key of [currentKey(id), overwrittenKey(id, versionToBytes(version))]) {
        const record = await this.table.get(key);
        if (record && decodeRecord(key, record).slot === slot) return true;
      }
      return false;
    } catch {
      return true;
    }
  }

  /** What a segment holds, by place, is what blocks say of their places. */
  async #places(): Promise<void> {
    for await (const [key, holds] of this.#entries('record')) {
      const name = { slot: Number(holds.readBigUInt64BE(0)), index: holds.readUInt32BE(8) };
      const length = holds.readUInt32BE(12);
      const location = { segment: key.readUInt32BE(1), offset: key.readUInt32BE(5), length };
      const record: NamedRecord = { name, location };
      const place = await findBlock(this.table, record.name);
      if (place && sameLocation(place, location)) continue;
      const what = `A place in segment ${location.segment}, byte ${location.offset}, is named by no block.`;
      this.progress.finding({ kind: 'entry', what, loose: key });
    }
  }
}
