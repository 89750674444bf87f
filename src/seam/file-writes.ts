/**
 * What is done with bytes once the system has them. 'start': the disk begins to write them, and nothing is waited for.
 * 'sync': they survive a power cut, and so does all that was written to the file before.
 */
export type AfterWrite = 'nothing' | 'start' | 'sync';

/** Writes that do more in one go than a file's own. */
export interface FileWrites {
  /** Whether it takes `headers`. */
  readonly sums: boolean;
  /**
   * Writes the parts one behind the other from byte `offset` of an open file on, all of them or it rejects with an error
   * that has a `code`. The file stays open, and the bytes as they are, until it ends. Parts whose indexes are in `headers`
   * are headers of records of the block log, their blocks behind them: they get their sums first.
   */
  write(
    descriptor: number,
    parts: readonly Uint8Array[],
    offset: number,
    after: AfterWrite,
    headers?: readonly number[],
  ): Promise<void>;
}
