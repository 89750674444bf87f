import type { Hole } from '../seam/punch-holes.js';

/**
 * The store's own files, all but LevelDB's: the seam between the store and the file system. nodeFiles is the real one.
 * Methods reject with what the file system said (an error with `code`); who asked puts it into words.
 */
export interface Files {
  /** Creates one folder, unless it is there; it is there after a power cut too. */
  makeFolder(path: string): Promise<void>;
  /** Names in a folder, in no order. */
  list(folder: string): Promise<string[]>;
  /** Opens a file for reading, and unless it is 'read' for writing; 'new' creates it, and fails if it is there. */
  open(path: string, mode: 'new' | 'existing' | 'read'): Promise<StoreFile>;
  unlink(path: string): Promise<void>;
  /** Names that were created or removed in the folder before are so after a power cut too. */
  syncDirectory(folder: string): Promise<void>;
  /** Bytes that this user may still write to the file system of `folder`, as far as it tells. */
  freeBytes(folder: string): Promise<number>;
}

/** An open file. Reads may run at any time beside one another and beside a write. */
export interface StoreFile {
  /** By which others in this process may read the file until it is closed; none where it is not the system's. */
  readonly descriptor?: number | undefined;
  size(): Promise<number>;
  /** Writes the parts one behind the other from byte `offset` on, all of them or it rejects. */
  write(parts: readonly Uint8Array[], offset: number): Promise<void>;
  /** `write`, then `sync`, in one go, where there is a way; what a failure leaves is as after either. */
  readonly writeSynced?: ((parts: readonly Uint8Array[], offset: number) => Promise<void>) | undefined;
  /**
   * `write` after `sumHeader` of each part whose index is in `headers` and the part behind it, away from the JavaScript
   * thread, where there is a way.
   */
  readonly writeRecords?:
    | ((parts: readonly Uint8Array[], headers: readonly number[], offset: number) => Promise<void>)
    | undefined;
  /** Bytes from `offset` on; fewer than `length` where the file ends. */
  read(offset: number, length: number): Promise<Buffer>;
  /** What was written before, and the size, survive a power cut (fdatasync). */
  sync(): Promise<void>;
  truncate(size: number): Promise<void>;
  /** None where the file system, or who stands between, has no holes. */
  readonly holes?: FileHoles | undefined;
  close(): Promise<void>;
}

/** Parts of a file that take no room on the disk, and read as zeros. */
export interface FileHoles {
  /** Bytes of the file that are not on the disk. */
  bytes(): Promise<number>;
  /**
   * Gives back to the disk what can be of these parts, by whole blocks of the file system; for certain after a sync. Other
   * bytes stay as they are. False if there are no holes here.
   */
  punch(parts: readonly Hole[]): Promise<boolean>;
}

/** The same files for who must not change anything. */
export function readOnly(files: Files): Files {
  return {
    ...files,
    makeFolder: async () => {},
    open: (path) => files.open(path, 'read'),
    unlink: () => Promise.reject(new Error('These files are only read.')),
  };
}
