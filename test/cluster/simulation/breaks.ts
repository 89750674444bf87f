import type { Store } from '../../../src/store/contract.js';
import { BLOCK_BYTES } from './profile.js';
import type { Tampering } from './server.js';

/** Faults that can be planted, to see that the checkers see them. */
export const BREAKS = [
  'lose-acknowledged-write',
  'resurrect-delete',
  'overrun-budget',
  'move-too-much',
  'garble-reads',
  'hang-operation',
  'unnamed-error',
] as const;
export type Break = (typeof BREAKS)[number];

/** What the planted fault changes in every server, and in one that joins later. */
export function tamperingOf(broken: Break | undefined): { every: Tampering; joining: Tampering } {
  switch (broken) {
    case 'lose-acknowledged-write':
      return same({ disk: (disk) => disk.lie() });
    case 'resurrect-delete':
      return same({ forget });
    case 'overrun-budget':
      return same({ budgetFactor: 8 });
    case 'move-too-much':
      return { every: {}, joining: { weight: 8 } };
    case 'garble-reads':
      return same({ onRead: garble });
    case 'hang-operation':
      return same({ onRead: () => new Promise(() => {}) });
    case 'unnamed-error':
      return same({
        onRead: () => {
          throw new TypeError('This is no error that a user can look up.');
        },
      });
    case undefined:
      return same({});
  }
}

function same(every: Tampering) {
  return { every, joining: every };
}

/** The second block comes from another version: all bytes as somebody wrote them, but not together. */
function garble(value: Buffer): Buffer {
  return Buffer.concat([
    value.subarray(0, BLOCK_BYTES),
    value.subarray(0, BLOCK_BYTES),
    value.subarray(2 * BLOCK_BYTES),
  ]);
}

/** Removes a tombstone long before its time. */
async function forget(store: Store, id: bigint): Promise<void> {
  const current = await store.current(id);
  if (!current?.tombstone) return;
  await store.setRole(id, current.version, 'cached');
  await store.dropCached(id);
}
