/** Bytes of an open file, and what they must be. Whoever hands this out keeps file and bytes where they are meanwhile. */
export interface FilePlace {
  /** File descriptor of this process, open for reading. */
  readonly descriptor: number;
  /** Of the first byte, from the beginning of the file. */
  readonly offset: number;
  readonly length: number;
  /** Of all the bytes. */
  readonly sha256: Uint8Array;
}
