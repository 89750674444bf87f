import { join } from 'node:path';
import { blockCount, blockLength, decodeManifest, type Manifest, sha256 } from '../object/manifest.js';
import { versionToBytes } from '../object/version.js';
import type { Log } from '../seam/log.js';
import { findBlock, nameRecord, unplaceRecord } from './block-index.js';
import type { BlockName, Location } from './block-record.js';
import { derivedEntries } from './derived-entries.js';
import type { Disk } from './disk.js';
import { diskError } from './disk-error.js';
import {
  blockKey,
  currentKey,
  fieldNumber,
  isRebuiltFromJournal,
  kindRange,
  manifestKey,
  overwrittenKey,
} from './index-keys.js';
import { journalRecords } from './journal-replay.js';
import { paged, straight } from './paging.js';
import { SegmentFiles } from './segment-files.js';
import { isIntact, recordsOfSegment } from './segment-scan.js';
import type { Table, TableChange } from './table.js';
import { decodeRecord, type VersionRecord } from './version-record.js';

/** What is put together in memory before it is written, and entries of a page. */
const GROUP_CHANGES = 1024;
const GROUP_BYTES = 4 * 2 ** 20;
const PAGE_ENTRIES = 1024;

export interface RebuildParts {
  readonly folder: string;
  readonly disk: Disk;
  readonly log: Log;
  readonly format: TableChange;
}

/** What a rebuilt index holds, and what could not be brought back. */
export interface Rebuilt {
  readonly versions: number;
  /** Versions whose record in the journal is damaged; they are left out. */
  readonly droppedVersions: number;
  readonly blocks: number;
  /** Blocks of `versions` that are neither in a segment nor left in the damaged index. */
  readonly missingBlocks: number;
  readonly damagedJournalBytes: number;
}

/** Where a damaged index is kept. Only the last one is. */
export const setAsidePath = (folder: string): string => join(folder, 'lost+found', 'index');

/**
 * Makes the index anew: versions, manifests and facts from the journal, the places of blocks from the headers in the
 * segments, small blocks from what is left of the damaged index, each held against its hash. The damaged index is kept
 * in lost+found. The new one takes its place in the last step, so a crash at any point leaves a start that begins again.
 * MURKY_DATA_DIR_LOCKED if another node does the same.
 */
export async function rebuildIndex(parts: RebuildParts): Promise<Rebuilt> {
  const { folder, disk } = parts;
  await disk.moveTable(join(folder, 'index'), setAsidePath(folder));
  const path = join(folder, 'index.new');
  const table = await disk.openTable(path, 'new');
  try {
    const rebuilt = await new Rebuild(table, parts).run();
    await table.batch([parts.format], true);
    await table.close();
    await disk.moveTable(path, join(folder, 'index'));
    return rebuilt;
  } catch (error) {
    await table.close().catch(() => {});
    throw diskError(error, folder);
  }
}

class Rebuild {
  #group: TableChange[] = [];
  #groupBytes = 0;
  /** Places of blocks that are in the group. */
  readonly #unflushed = new Map<string, Location>();
  #versions = 0;
  #dropped = 0;
  #blocks = 0;
  #missing = 0;
  #damagedBytes = 0;
  /** Blocks of one slot come one after the other. */
  #manifest: { slot: number; manifest: Manifest | undefined } | undefined;

  constructor(
    private readonly table: Table,
    private readonly parts: RebuildParts,
  ) {}

  async run(): Promise<Rebuilt> {
    await this.#clear();
    await this.#replay();
    await this.#derive('current');
    await this.#derive('overwritten');
    await this.#dropLooseManifests();
    await this.#findBlocks();
    await this.#salvage();
    await this.#countMissing();
    return {
      versions: this.#versions,
      droppedVersions: this.#dropped,
      blocks: this.#blocks,
      missingBlocks: this.#missing,
      damagedJournalBytes: this.#damagedBytes,
    };
  }

  /** A rebuild that was interrupted may have left something. */
  async #clear(): Promise<void> {
    for (;;) {
      const keys = await this.table.keys({ gte: Buffer.alloc(0), limit: PAGE_ENTRIES });
      if (keys.length === 0) return;
      await this.table.batch(
        keys.map((key) => ({ type: 'del', key })),
        true,
      );
    }
  }

  async #replay(): Promise<void> {
    const { disk, folder } = this.parts;
    const damaged = (bytes: number) => {
      this.#damagedBytes += bytes;
    };
    for await (const { changes } of journalRecords(disk.files, folder, damaged, { secure: true })) {
      await this.#put(changes.filter(({ key }) => isRebuiltFromJournal(key)));
    }
    await this.#flush();
  }

  /** What follows from the records of versions. One that fails its check is left out. */
  async #derive(kind: 'current' | 'overwritten'): Promise<void> {
    for await (const [key, value] of paged(() => this.table, kindRange(kind), straight, PAGE_ENTRIES)) {
      const record = soundRecord(key, value);
      if (!record) {
        this.#dropped++;
        await this.#put([{ type: 'del', key }]);
        continue;
      }
      this.#versions++;
      await this.#put(derivedEntries(kind, record));
    }
    await this.#flush();
  }

  async #dropLooseManifests(): Promise<void> {
    for await (const [key] of paged(() => this.table, kindRange('manifest'), straight, PAGE_ENTRIES)) {
      if (!(await this.#manifestOf(fieldNumber(key)))) await this.#put([{ type: 'del', key }]);
    }
    await this.#flush();
  }

  async #findBlocks(): Promise<void> {
    const segments = new SegmentFiles(this.parts.disk.files, join(this.parts.folder, 'segments'));
    try {
      for (const segment of await segments.list()) {
        for await (const record of recordsOfSegment(segments, segment)) {
          if (!(await this.#isNeeded(record.name, record.location.length))) continue;
          const before = await this.#placeOf(record.name);
          // Copies lie behind what they were made from, but the last one may have been cut off while it was written.
          if (before && !(await isIntact(segments, record))) continue;
          if (!before) this.#blocks++;
          this.#unflushed.set(nameText(record.name), record.location);
          await this.#put([...(before ? [unplaceRecord(before)] : []), ...nameRecord(record)]);
        }
      }
      await this.#flush();
    } finally {
      await segments.closeAll();
    }
  }

  async #placeOf(name: BlockName): Promise<Location | undefined> {
    return this.#unflushed.get(nameText(name)) ?? (await findBlock(this.table, name));
  }

  /** Small blocks are in the index alone. */
  async #salvage(): Promise<void> {
    const { disk, folder, log } = this.parts;
    const left = await disk.salvageTable(setAsidePath(folder)).catch((error) => {
      log.warn({ error: String(error) }, 'Nothing can be read of the damaged index.');
      return undefined;
    });
    if (!left) return;
    try {
      for await (const [key, value] of paged(() => left, kindRange('inlineBlock'), straight, PAGE_ENTRIES)) {
        const name = { slot: fieldNumber(key), index: key.readUInt32BE(9) };
        if (!(await this.#isNeeded(name, value.length)) || (await findBlock(this.table, name))) continue;
        const hash = (await this.#manifestOf(name.slot))!.blockHashes[name.index]!;
        if (!sha256(value).equals(hash)) continue;
        this.#blocks++;
        await this.#put([{ type: 'put', key, value }]);
      }
    } catch (error) {
      log.warn({ error: String(error) }, 'Not all of the damaged index can be read.');
    } finally {
      await this.#flush();
      await left.close();
    }
  }

  async #countMissing(): Promise<void> {
    for (const kind of ['current', 'overwritten'] as const) {
      for await (const [key, value] of paged(() => this.table, kindRange(kind), straight, PAGE_ENTRIES)) {
        const record = soundRecord(key, value);
        if (!record) continue;
        const { slot, size, blockBytes } = record;
        for (let index = 0; index < blockCount(size, blockBytes); index++) {
          const inline = await this.table.get(blockKey('inlineBlock', slot, index));
          if (!inline && !(await findBlock(this.table, { slot, index }))) this.#missing++;
        }
      }
    }
  }

  async #isNeeded({ slot, index }: BlockName, length: number): Promise<boolean> {
    const manifest = await this.#manifestOf(slot);
    return manifest !== undefined && index < manifest.blockHashes.length && blockLength(manifest, index) === length;
  }

  /** The manifest of a slot that a version has. */
  async #manifestOf(slot: number): Promise<Manifest | undefined> {
    if (this.#manifest?.slot !== slot) {
      const bytes = await this.table.get(manifestKey(slot));
      const manifest = bytes && soundManifest(bytes);
      const filed = manifest && (await this.#isFiled(manifest, slot, bytes));
      this.#manifest = { slot, manifest: filed ? manifest : undefined };
    }
    return this.#manifest.manifest;
  }

  async #isFiled({ id, version }: Manifest, slot: number, manifest: Buffer): Promise<boolean> {
    for (const key of [currentKey(id), overwrittenKey(id, versionToBytes(version))]) {
      const bytes = await this.table.get(key);
      const record = bytes && soundRecord(key, bytes);
      if (record?.slot === slot) return sha256(manifest).equals(record.manifestSha256);
    }
    return false;
  }

  async #put(changes: readonly TableChange[]): Promise<void> {
    for (const change of changes) {
      this.#group.push(change);
      this.#groupBytes += change.key.length + (change.type === 'put' ? change.value.length : 0);
    }
    if (this.#group.length >= GROUP_CHANGES || this.#groupBytes >= GROUP_BYTES) await this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#group.length > 0) await this.table.batch(this.#group, true);
    this.#group = [];
    this.#groupBytes = 0;
    this.#unflushed.clear();
  }
}

const nameText = ({ slot, index }: BlockName): string => `${slot}/${index}`;

function soundRecord(key: Buffer, value: Buffer): VersionRecord | undefined {
  try {
    return decodeRecord(key, value);
  } catch {
    return undefined;
  }
}

function soundManifest(bytes: Buffer): Manifest | undefined {
  try {
    return decodeManifest(bytes);
  } catch {
    return undefined;
  }
}
