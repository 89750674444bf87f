import { dirname } from 'node:path';
import type { CommitJournal, QueuedChange } from './commit-queue.js';
import type { StoreFile } from './files.js';
import { isJournaled, journalKey } from './index-keys.js';
import type { JournalContents, JournalFiles } from './journal-files.js';
import { type Damaged, encodeJournalRecord, resembleRecords } from './journal-record.js';
import { journalRecords, type Replayed } from './journal-replay.js';
import type { Passage } from './paging.js';
import type { TableChange } from './table.js';

/** A new snapshot is due when the logs behind the last one hold more than so many times that. */
const LOGS_OF_SNAPSHOT = 2;
/** A start that finds so many times what makes a snapshot due takes one before anything else. */
const OVERDUE_LOGS = 2;
/** Of changes that nobody waits for: some hundreds of uses of cached copies. */
const MAX_HELD_BYTES = 64 * 2 ** 10;

/** Up to where the index has what the journal has: all before is durable there. */
export interface JournalPosition {
  readonly generation: number;
  readonly end: number;
}

/**
 * The write-ahead log of the index, in files of its own. Each batch is appended here and synced before it goes into the
 * index, which is not synced: a start brings to the index what stands behind the place up to which it is known to be
 * durable. It is also a second account of what the index alone knows (versions, manifests, tombstones, facts), from
 * which the index is made anew when LevelDB has lost it: for that, a snapshot of these goes before the logs.
 *
 * Each record is on the disk before anything is written behind it, so a power cut tears the last one of the last log at
 * most: whatever else is damaged was acknowledged.
 *
 * Callers see to it that one append comes after the other.
 */
export class IndexJournal implements CommitJournal {
  #file: StoreFile | undefined;
  #generation = 0;
  #end = 0;
  /** Changes that need not be synced, until the next that do; of two records that were not a power cut could take the first. */
  #held: QueuedChange[] = [];
  #heldBytes = 0;
  #applied: JournalPosition = { generation: 0, end: 0 };
  /** Bytes that a start would have to bring to the index. */
  #openBytes = 0;
  /** Bytes of logs behind the last snapshot, without the one that is being written. */
  #olderBytes = 0;
  #snapshotBytes = 0;
  #incomplete = false;
  #renew = false;
  /** Counts how often it was opened: a snapshot that was begun before is given up. */
  #opened = 0;

  constructor(
    private readonly journal: JournalFiles,
    /** Of the logs, before a snapshot is due. */
    private readonly minLogBytes: number,
  ) {}

  /** The logs have grown long, or something is missing in them. */
  get due(): boolean {
    return this.#incomplete || this.#olderBytes + this.#end > this.#dueBytes;
  }

  /** So long that upkeep cannot have come to it: a start has to see to it, or they grow from one short life to the next. */
  get overdue(): boolean {
    return this.#olderBytes + this.#end > OVERDUE_LOGS * this.#dueBytes;
  }

  /** About what the next snapshot will take, while what it replaces is still there. */
  get comingBytes(): number {
    return (this.#snapshotBytes + this.#olderBytes + this.#end) / 2;
  }

  get openBytes(): number {
    return this.#openBytes;
  }

  /** Up to where the index has the changes, durable or not. */
  get position(): JournalPosition {
    return this.#applied;
  }

  /**
   * Opens the journal of an index that has what stands before `position`; `bring` is given what stands behind it, in
   * order. 'begun': a generation has begun, for which the index has everything. 'index-behind': the journal no longer
   * has what the index lacks.
   */
  async open(
    position: JournalPosition | undefined,
    bring: (records: AsyncIterable<Replayed>) => Promise<void>,
  ): Promise<'ready' | 'begun' | 'index-behind'> {
    const contents = await this.#reopen();
    const { logs, snapshots, base } = contents;
    if (base !== undefined && (position?.generation ?? 0) < base) return 'index-behind';
    if (!position || base === undefined) {
      if (position) await bring(this.#behind(position));
      return await this.begin();
    }
    const { journal } = this;
    await journal.remove(
      'snapshot',
      snapshots.filter((one) => one !== base),
    );
    const kept = logs.filter((one) => one >= base);
    await journal.remove(
      'log',
      logs.filter((one) => !kept.includes(one)),
    );
    if (!(await this.#reaches(position, kept))) {
      await bring(this.#behind(position));
      return await this.begin();
    }
    this.#snapshotBytes = await journal.bytes('snapshot', [base]);
    // A log without its own snapshot: that one was being written when the node ended.
    this.#incomplete = kept.some((one) => one > base);
    await this.#resume(position, kept, bring);
    return 'ready';
  }

  /** Begins a generation of its own for an index that has everything; a snapshot has to be taken then. */
  async begin(): Promise<'begun'> {
    const { logs, snapshots } = await this.#reopen();
    const last = logs.at(-1);
    if (last !== undefined) await this.#cutTail(last);
    await this.#begin(Math.max(0, ...logs, ...snapshots) + 1);
    this.#snapshotBytes = 0;
    this.#olderBytes = await this.journal.bytes('log', logs);
    this.#applied = { generation: this.#generation, end: 0 };
    this.#incomplete = true;
    return 'begun';
  }

  /** Without `sync` the changes may wait here, and an end of the process takes them from the journal, not from the index. */
  async append(changes: readonly QueuedChange[], sync: boolean): Promise<void> {
    for (const one of changes) if (isJournaled(one.key)) this.#hold(one);
    if (!sync && this.#heldBytes <= MAX_HELD_BYTES) return;
    if (this.#renew) {
      this.#renew = false;
      this.#olderBytes += this.#end;
      await this.#begin(this.#generation + 1);
    }
    const held = this.#release();
    if (held.length === 0) return;
    const noted = held.map((one) => (one.written && !one.written.durable ? { ...one, unsynced: true } : one));
    const parts = encodeJournalRecord('changes', noted);
    const [header, body] = parts;
    if (resembleRecords(body)) {
      // With its header on the disk before, a torn record is passed over as a whole.
      await this.#file!.write([header], this.#end);
      await this.sync();
    }
    await this.#writeSynced(parts);
    this.#end += length(parts);
    this.#openBytes += length(parts);
  }

  applied(): void {
    this.#applied = { generation: this.#generation, end: this.#end };
  }

  /** The index has durably what stands before `position`, once the change that this answers with is in it. */
  noted({ generation, end }: JournalPosition): TableChange {
    return { type: 'put', key: journalKey(), value: encodePosition({ generation, end }) };
  }

  /** That change is in the index; `openBytes` were open when the position was taken. */
  settled(openBytes: number): void {
    this.#openBytes -= openBytes;
  }

  async sync(): Promise<void> {
    try {
      await this.#file?.sync();
    } catch (error) {
      this.#incomplete = true; // what a failed sync has left in the file is not known
      throw error;
    }
  }

  /** The next batch that is synced begins a log of its own, which a snapshot that is taken from then on goes before. */
  renew(): void {
    this.#renew = true;
  }

  /**
   * Writes what the index holds, page by page, while batches go on: what a page misses, or has already, is in the log
   * of this generation, which is replayed behind it. Then the generations before go, which the index must not need.
   */
  async snapshot(pages: AsyncIterable<readonly TableChange[]>, passage: Passage): Promise<void> {
    const { files } = this.journal;
    const generation = this.#generation;
    const opened = this.#opened;
    const file = await files.open(this.journal.path(generation, 'snapshot'), 'new');
    let bytes = 0;
    const put = async (parts: Uint8Array[]) => {
      await file.write(parts, bytes);
      bytes += length(parts);
    };
    try {
      for await (const page of pages) {
        if (this.#opened !== opened) return;
        await put(encodeJournalRecord('changes', page));
      }
      await file.sync();
      await put(encodeJournalRecord('end', []));
      await file.sync();
    } finally {
      await file.close();
    }
    await passage(async () => {
      if (this.#opened === opened) await this.#dropBefore(generation);
    });
    if (this.#opened !== opened) return;
    this.#olderBytes = 0;
    this.#snapshotBytes = bytes;
    this.#incomplete = false;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #writeSynced(parts: readonly Uint8Array[]): Promise<void> {
    const file = this.#file!;
    if (!file.writeSynced) {
      await file.write(parts, this.#end);
      return await this.sync();
    }
    try {
      await file.writeSynced(parts, this.#end);
    } catch (error) {
      this.#incomplete = true; // as after a failed sync
      throw error;
    }
  }

  /** What the logs may hold before a snapshot is due. */
  get #dueBytes(): number {
    return Math.max(this.minLogBytes, LOGS_OF_SNAPSHOT * this.#snapshotBytes);
  }

  async #reopen(): Promise<JournalContents> {
    this.#opened++;
    this.#renew = false;
    this.#openBytes = 0;
    this.#release();
    await this.close();
    return await this.journal.contents();
  }

  /** Whether no log is missing from `position` on. */
  async #reaches({ generation, end }: JournalPosition, logs: readonly number[]): Promise<boolean> {
    const whole = logs.at(-1)! >= generation && logs.every((one, i) => i === 0 || one === logs[i - 1]! + 1);
    return whole && logs.includes(generation) && (await this.journal.bytes('log', [generation])) >= end;
  }

  /**
   * Brings to the index what it may lack, and goes on behind that: what else stands in the log was not acknowledged, and
   * is cut off.
   */
  async #resume(
    position: JournalPosition,
    logs: readonly number[],
    bring: (records: AsyncIterable<Replayed>) => Promise<void>,
  ): Promise<void> {
    const { journal } = this;
    const generation = logs.at(-1)!;
    const file = await journal.files.open(journal.path(generation, 'log'), 'existing');
    this.#file = file;
    this.#generation = generation;
    this.#end = generation === position.generation ? position.end : 0;
    await bring(this.#behind(position));
    await cut(file, this.#end);
    this.#olderBytes = await journal.bytes('log', logs.slice(0, -1));
    const between = logs.slice(0, -1).filter((one) => one >= position.generation);
    this.#openBytes = (await journal.bytes('log', [...between, generation])) - position.end;
    this.#applied = { generation, end: this.#end };
  }

  async *#behind(from: JournalPosition): AsyncGenerator<Replayed> {
    const { files, folder } = this.journal;
    const damaged: Damaged = (_bytes, atEnd) => {
      if (!atEnd) this.#incomplete = true;
    };
    for await (const record of journalRecords(files, dirname(folder), damaged, { from, secure: true })) {
      if (record.generation === this.#generation) this.#end = record.end;
      yield record;
    }
  }

  #hold(change: QueuedChange): void {
    this.#held.push(change);
    this.#heldBytes += change.key.length + (change.type === 'put' ? change.value.length : 0);
  }

  #release(): readonly QueuedChange[] {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    return held;
  }

  /**
   * Cuts off what stands behind the last batch that took place, before another log follows: from then on it would pass
   * for damage, or, where only its blocks are missing, for a batch that took place.
   */
  async #cutTail(generation: number): Promise<void> {
    const { files, folder } = this.journal;
    const options = { from: { generation, end: 0 }, secure: true };
    let end = 0;
    for await (const record of journalRecords(files, dirname(folder), () => {}, options)) end = record.end;
    const file = await files.open(this.journal.path(generation, 'log'), 'existing');
    try {
      await cut(file, end);
    } finally {
      await file.close();
    }
  }

  async #dropBefore(generation: number): Promise<void> {
    const { journal } = this;
    await journal.files.syncDirectory(journal.folder);
    const { logs, snapshots } = await journal.contents();
    const older = (one: number) => one < generation;
    await journal.remove('log', logs.filter(older));
    await journal.remove('snapshot', snapshots.filter(older));
  }

  /** What stands in the log before is durable before anything stands in the new one. */
  async #begin(generation: number): Promise<void> {
    const { files, folder } = this.journal;
    await this.sync();
    await this.close();
    await files.makeFolder(folder);
    this.#file = await files.open(this.journal.path(generation, 'log'), 'new');
    await files.syncDirectory(folder);
    this.#generation = generation;
    this.#end = 0;
  }
}

async function cut(file: StoreFile, end: number): Promise<void> {
  if ((await file.size()) <= end) return;
  await file.truncate(end);
  await file.sync();
}

const length = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0);

export function encodePosition({ generation, end }: JournalPosition): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(generation, 0);
  bytes.writeBigUInt64BE(BigInt(end), 4);
  return bytes;
}

export function decodePosition(bytes: Buffer): JournalPosition | undefined {
  if (bytes.length !== 12) return undefined;
  return { generation: bytes.readUInt32BE(0), end: Number(bytes.readBigUInt64BE(4)) };
}
