import { dirname } from 'node:path';
import { MurkyError } from '../errors.js';

interface LevelError {
  readonly code?: string;
  readonly message?: string;
  readonly cause?: unknown;
}

/** The innermost error: `level` wraps what LevelDB said into "Database failed to open". */
function root(error: unknown): LevelError {
  let at = error as LevelError;
  while (at?.cause) at = at.cause as LevelError;
  return at ?? {};
}

/** LevelDB hands on errno as its text (strerror in the C locale), not as a number. */
const DISK_FULL = /No space left on device|Disk quota exceeded|ENOSPC|EDQUOT/;

/** A table that was there has lost files: MANIFEST, or CURRENT, without which LevelDB takes it for none. */
const MISSING = /MANIFEST-\d+: No such file|does not exist \(create_if_missing is false\)/;

const REASONS: Readonly<Record<string, string>> = {
  EEXIST: 'there is a file of that name',
  ENOTDIR: 'a part of its path is a file',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOENT: 'it cannot be created there',
  ENAMETOOLONG: 'its name is too long',
};

/** Whether a table is damaged or lost, as against one that only cannot be used now. */
export function isDamagedTable(error: unknown): boolean {
  return error instanceof MurkyError && error.facts.damaged === true;
}

/** Puts into words what LevelDB or the file system said about the store's folder. */
export function diskError(error: unknown, folder: string): MurkyError {
  if (error instanceof MurkyError) return error;
  const { code = '', message = String(error) } = root(error);
  const options = { cause: error, facts: { folder } };
  if (DISK_FULL.test(message)) {
    return new MurkyError('MURKY_DISK_FULL', `The disk that holds ${folder} is full.`, {
      ...options,
      hint: 'Free some space on it; what is stored can still be read, and writes go on by themselves.',
    });
  }
  if (code === 'LEVEL_LOCKED') {
    return new MurkyError('MURKY_DATA_DIR_LOCKED', `Another node uses the folder ${dirname(folder)}.`, {
      ...options,
      hint: 'Stop the other node, or give this one a folder of its own (data-dir).',
    });
  }
  if (code === 'LEVEL_CORRUPTION' || MISSING.test(message)) {
    const reason = message.includes('create_if_missing') ? 'its file CURRENT is missing' : message;
    return new MurkyError('MURKY_DATA_DIR_UNUSABLE', `The database in ${folder} is damaged (${reason}).`, {
      cause: error,
      facts: { folder, damaged: true },
      hint: 'Stop the node and run: murky repair',
    });
  }
  const reason = REASONS[code] ?? message;
  return new MurkyError('MURKY_DATA_DIR_UNUSABLE', `The folder ${folder} cannot be used: ${reason}.`, {
    ...options,
    hint: 'Check that it is a folder, that this user may write to it and that the disk is sound.',
  });
}
