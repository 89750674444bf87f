import { quorumOf } from './placement.js';

/**
 * Owners that must be asked so that the answers tell of every acknowledged write: more than half of them, and so many
 * that they meet every write quorum in one owner (Gifford, "Weighted voting for replicated data", SOSP 1979).
 */
export function askQuorumOf(owners: number, writeQuorum: number | 'majority'): number {
  return Math.max(majorityOf(owners), owners - quorumOf(owners, writeQuorum) + 1);
}

/** True where any two write quorums share an owner: writes can then be put into one order. */
export function writesMeet(owners: number, writeQuorum: number | 'majority'): boolean {
  return quorumOf(owners, writeQuorum) >= majorityOf(owners);
}

export function majorityOf(owners: number): number {
  return Math.floor(owners / 2) + 1;
}
