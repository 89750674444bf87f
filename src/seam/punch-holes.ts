/** A part of a file. */
export interface Hole {
  readonly offset: number;
  readonly length: number;
}

/**
 * Gives parts of an open file back to the disk: it keeps its size and reads as zeros there. False, and they may be as they
 * were, where the system or the file system cannot. The file stays open until it resolves.
 */
export type PunchHoles = (descriptor: number, holes: readonly Hole[]) => Promise<boolean>;
