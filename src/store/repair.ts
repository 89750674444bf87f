import { isMurkyError } from '../errors.js';
import { systemClock } from '../seam/clock.js';
import { type Log, silentLog } from '../seam/log.js';
import { segmentBytesFor } from './block-log.js';
import { Budget } from './budget.js';
import { Database, type DatabaseOptions } from './database.js';
import { type Disk, levelDisk } from './disk.js';
import { FORMAT } from './format.js';
import { findInJournal, restoreEntries, setEntriesAside } from './index-mending.js';
import { ObjectStore } from './object-store.js';
import type { Rebuilt } from './rebuild.js';
import { type Finding, type FindingKind, type Verified, type VerifyProgress, verifyFolder } from './verify.js';

/** Bounds the memory; where more entries are damaged the whole index is made anew. */
const MAX_ENTRIES = 10_000;

export interface RepairProgress extends VerifyProgress {
  /** What is done now: one sentence. */
  step(sentence: string): void;
  /** What is left in the end. */
  left(finding: Finding): void;
}

export interface Repaired {
  /** Undefined for a folder of an older format, which has been upgraded. */
  readonly before: Verified | undefined;
  /** Where the index had to be made anew: what came of it. */
  readonly rebuilt: Rebuilt | undefined;
  /** Entries of the index that the journal had, sound. */
  readonly restoredEntries: number;
  /** Entries that belonged to nothing; they are kept in lost+found/entries.jsonl. */
  readonly droppedEntries: number;
  readonly journalRenewed: boolean;
  /** What is left: damaged blocks, and objects of which neither the index nor the journal has a sound record. */
  readonly after: Verified;
}

/**
 * Mends in the folder of a stopped node what can be mended without other nodes, and never removes an object: one whose
 * blocks are damaged is left for its node to mend from the other owners. Doing it again changes nothing more.
 * MURKY_DATA_DIR_LOCKED, MURKY_DATA_DIR_UNUSABLE, MURKY_DISK_FULL.
 */
export async function repairFolder(
  folder: string,
  {
    maxBytes,
    log = silentLog,
    disk = levelDisk,
  }: { readonly maxBytes: number; readonly log?: Log; readonly disk?: Disk },
  progress: RepairProgress,
): Promise<Repaired> {
  const seen = new Set<FindingKind>();
  const wanted: Buffer[] = [];
  const loose: Buffer[] = [];
  progress.step('Looking for damage.');
  const before = await verifyUnlessOld(folder, disk, {
    ...progress,
    finding(finding: Finding) {
      seen.add(finding.kind);
      // One more than the limit tells that there were more.
      if (wanted.length + loose.length <= MAX_ENTRIES) {
        wanted.push(...(finding.wanted ?? []));
        if (finding.loose) loose.push(finding.loose);
      }
      progress.finding(finding);
    },
  });
  const tooMany = wanted.length + loose.length > MAX_ENTRIES;
  const rebuild = seen.has('index') || (tooMany && !seen.has('journal'));
  if (rebuild) progress.step('Making the index anew from the journal and the segments.');
  // Before the journal is opened, which may begin it anew with what the index has.
  const found = rebuild || tooMany || wanted.length === 0 ? [] : await findInJournal(disk.files, folder, wanted);
  const options = { folder, disk, budget: new Budget(maxBytes), segmentBytes: segmentBytesFor(maxBytes) };
  const seams = { clock: systemClock, log, onDead: () => {} };
  const open = (how: Pick<DatabaseOptions, 'rebuild' | 'renewJournal'>) =>
    Database.open({ ...options, ...seams, ...how });
  const database = await open({ rebuild });
  let restoredEntries = 0;
  let droppedEntries = 0;
  try {
    if (found.length > 0) {
      progress.step('Putting entries of the index back that the journal has.');
      restoredEntries = await restoreEntries(database, found);
    }
    if (!rebuild && !tooMany && loose.length > 0) {
      progress.step('Setting entries of the index aside that belong to nothing.');
      droppedEntries = await setEntriesAside(disk.files, folder, database, loose);
    }
  } finally {
    await database.close();
  }
  const journalRenewed = seen.has('journal');
  if (journalRenewed) {
    progress.step('Beginning the journal anew.');
    await (await open({ renewJournal: true })).close();
  }
  // A start of the store: what unfinished writes have left in the segments goes.
  await (await ObjectStore.open({ folder, disk, maxBytes, log })).close();
  progress.step('Looking again.');
  const after = await verifyFolder(folder, { ...progress, finding: progress.left }, disk);
  return { before, rebuilt: database.rebuilt, restoredEntries, droppedEntries, journalRenewed, after };
}

/** A folder of an older format is upgraded first, so there is nothing to look at yet. */
async function verifyUnlessOld(folder: string, disk: Disk, progress: VerifyProgress): Promise<Verified | undefined> {
  try {
    return await verifyFolder(folder, progress, disk);
  } catch (error) {
    const { format } = isMurkyError(error, 'MURKY_DATA_DIR_UNUSABLE') ? error.facts : {};
    if (typeof format === 'number' && format < FORMAT) return undefined;
    throw error;
  }
}
