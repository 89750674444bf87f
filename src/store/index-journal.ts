import type { StoreFile } from './files.js';
import { isJournaled, journalKey } from './index-keys.js';
import type { JournalContents, JournalFiles } from './journal-files.js';
import { encodeJournalRecord, type JournalRecord, readJournal } from './journal-record.js';
import type { Passage } from './paging.js';
import type { TableChange } from './table.js';

/** A new snapshot is due when the logs behind the last one hold more than this, and than twice the snapshot. */
const MIN_LOG_BYTES = 8 * 2 ** 20;
const LOGS_OF_SNAPSHOT = 2;

/** How far the journal had come, as the index says. */
export interface JournalPosition {
  readonly generation: number;
  /** Where the last change that the index has ends in the log of that generation. */
  readonly end: number;
  /** Up to where that log had been synced. */
  readonly synced: number;
}

/**
 * A second account of what the index alone knows: versions, manifests, tombstones and facts, in files of their own, from
 * which the index is rebuilt when LevelDB has lost it. Each batch is appended here before it goes into the index, and
 * the batch tells the index how far the journal has come: what the journal has beyond that did not take place, and is
 * cut off. It is not synced with each batch, only every few seconds: it has to outlive the loss of LevelDB's files, and
 * a power cut alone leaves LevelDB whole.
 */
export class IndexJournal {
  #file: StoreFile | undefined;
  #generation = 0;
  #end = 0;
  #synced = 0;
  /** Bytes of logs behind the last snapshot, without the one that is being written. */
  #olderBytes = 0;
  #snapshotBytes = 0;
  #incomplete = false;
  #renew = false;
  /** Counts how often it was opened: a snapshot that was begun before is given up. */
  #opened = 0;

  constructor(private readonly journal: JournalFiles) {}

  /** The logs have grown long, or something is missing in them. */
  get due(): boolean {
    const bytes = this.#olderBytes + this.#end;
    return this.#incomplete || bytes > Math.max(MIN_LOG_BYTES, LOGS_OF_SNAPSHOT * this.#snapshotBytes);
  }

  /**
   * Brings the journal into agreement with an index that stands at `position`, if it knows one. 'journal-behind': the
   * index has what the journal lacks, and a snapshot has to be taken before anything is lost. 'index-behind': the index
   * has lost changes that it had on the disk; nothing has been done then.
   */
  async open(position: JournalPosition | undefined): Promise<'ready' | 'journal-behind' | 'index-behind'> {
    this.#opened++;
    await this.#file?.close();
    this.#file = undefined;
    const { journal } = this;
    const contents = await journal.contents();
    const { snapshots, base } = contents;
    if (position && (await this.#lostBehind(position, contents))) return 'index-behind';
    await journal.remove(
      'snapshot',
      snapshots.filter((one) => one !== base),
    );
    const logs = await this.#dropLogs(contents, position);
    this.#snapshotBytes = base === undefined ? 0 : await journal.bytes('snapshot', [base]);
    const resumed = position !== undefined && (await this.#resume(position, logs));
    this.#olderBytes = await journal.bytes('log', resumed ? logs.filter((one) => one !== this.#generation) : logs);
    // A log without its own snapshot: that one was being written when the node ended.
    this.#incomplete = !resumed || base === undefined || logs.some((one) => one > base);
    if (!resumed) await this.#begin(Math.max(0, position?.generation ?? 0, ...logs, ...snapshots) + 1);
    return resumed && base !== undefined ? 'ready' : 'journal-behind';
  }

  /** Takes what of `changes` it keeps; what it answers goes into the same batch. */
  async append(changes: readonly TableChange[], synced: boolean): Promise<TableChange[]> {
    const kept = changes.filter(({ key }) => isJournaled(key));
    if (this.#renew) {
      this.#renew = false;
      this.#olderBytes += this.#end;
      await this.#begin(this.#generation + 1);
    } else if (kept.length === 0) return [];
    if (kept.length > 0) await this.#write(encodeJournalRecord('changes', synced, kept));
    return [this.stamp()];
  }

  /** Tells the index how far the journal is. */
  stamp(): TableChange {
    const position = { generation: this.#generation, end: this.#end, synced: this.#synced };
    return { type: 'put', key: journalKey(), value: encodePosition(position) };
  }

  /** What was appended before survives a power cut. */
  async sync(): Promise<void> {
    const end = this.#end;
    const generation = this.#generation;
    if (!this.#file || this.#synced >= end) return;
    try {
      await this.#file.sync();
    } catch (error) {
      this.#incomplete = true; // what a failed sync has left in the file is not known
      throw error;
    }
    if (this.#generation === generation) this.#synced = Math.max(this.#synced, end);
  }

  /** The next batch begins a log of its own, which a snapshot that is taken from then on goes before. */
  renew(): void {
    this.#renew = true;
  }

  /**
   * Writes what the index holds, page by page, while batches go on: what a page misses, or has already, is in the log
   * of this generation, which is replayed behind it. Then the generations before go.
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
        await put(encodeJournalRecord('changes', true, page));
      }
      await file.sync();
      await put(encodeJournalRecord('end', true, []));
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

  /** `whole`: the index has been closed with all that was appended here. */
  async close(whole: boolean): Promise<void> {
    const file = this.#file;
    if (!file) return;
    this.#file = undefined;
    try {
      if (whole) {
        await file.write(encodeJournalRecord('closed', true, []), this.#end);
        await file.sync();
      }
    } finally {
      await file.close();
    }
  }

  /** A synced batch that something came after was acknowledged, and the index must have it. */
  async #lostBehind({ generation, end }: JournalPosition, { logs }: JournalContents): Promise<boolean> {
    let acknowledged = false;
    for (const log of logs) {
      if (log < generation) continue;
      for await (const record of this.#records(log, log === generation ? end : 0)) {
        if (acknowledged) return true;
        acknowledged = record.kind === 'changes' && record.synced;
      }
    }
    return false;
  }

  async #dropBefore(generation: number): Promise<void> {
    const { journal } = this;
    await this.sync();
    await journal.files.syncDirectory(journal.folder);
    const { logs, snapshots } = await journal.contents();
    const older = (one: number) => one < generation;
    await journal.remove('log', logs.filter(older));
    await journal.remove('snapshot', snapshots.filter(older));
  }

  /** Logs that no snapshot needs any more, and those of batches that did not take place, go. */
  async #dropLogs({ logs, base }: JournalContents, position: JournalPosition | undefined): Promise<number[]> {
    const kept = logs.filter((one) => one >= (base ?? 0) && (!position || one <= position.generation));
    await this.journal.remove(
      'log',
      logs.filter((one) => !kept.includes(one)),
    );
    return kept;
  }

  /** Goes on in the log that the index names; false if it is not all there. */
  async #resume({ generation, end, synced }: JournalPosition, logs: readonly number[]): Promise<boolean> {
    if (!logs.includes(generation)) return false;
    const { files } = this.journal;
    const file = await files.open(this.journal.path(generation, 'log'), 'existing');
    const size = await file.size();
    if (size < end || !(await endsAt(file, synced, end))) {
      await file.close();
      return false;
    }
    if (size > end) {
      await file.truncate(end);
      await file.sync();
    }
    this.#file = file;
    this.#generation = generation;
    this.#end = end;
    this.#synced = synced;
    return true;
  }

  async #begin(generation: number): Promise<void> {
    const { files, folder } = this.journal;
    await this.#file?.close();
    this.#file = undefined;
    await files.makeFolder(folder);
    this.#file = await files.open(this.journal.path(generation, 'log'), 'new');
    await files.syncDirectory(folder);
    this.#generation = generation;
    this.#end = 0;
    this.#synced = 0;
  }

  async #write(parts: Uint8Array[]): Promise<void> {
    await this.#file!.write(parts, this.#end);
    this.#end += length(parts);
  }

  async *#records(generation: number, from: number): AsyncGenerator<JournalRecord> {
    const { journal } = this;
    const file = await journal.files.open(journal.path(generation, 'log'), 'existing');
    try {
      yield* readJournal(file, from, () => {});
    } finally {
      await file.close();
    }
  }
}

/** Whether records, none of them damaged, lead from one place to the other. */
async function endsAt(file: StoreFile, from: number, end: number): Promise<boolean> {
  if (from === end) return true;
  let sound = true;
  for await (const record of readJournal(file, from, () => {
    sound = false;
  })) {
    if (!sound || record.end > end) return false;
    if (record.end === end) return true;
  }
  return false;
}

const length = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0);

export function encodePosition({ generation, end, synced }: JournalPosition): Buffer {
  const bytes = Buffer.alloc(20);
  bytes.writeUInt32BE(generation, 0);
  bytes.writeBigUInt64BE(BigInt(end), 4);
  bytes.writeBigUInt64BE(BigInt(synced), 12);
  return bytes;
}

export function decodePosition(bytes: Buffer): JournalPosition | undefined {
  if (bytes.length !== 20) return undefined;
  return {
    generation: bytes.readUInt32BE(0),
    end: Number(bytes.readBigUInt64BE(4)),
    synced: Number(bytes.readBigUInt64BE(12)),
  };
}
