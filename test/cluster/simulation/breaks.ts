import type { Store } from '../../../src/store/contract.js';
import type { Tampering } from './server.js';

/** Faults that can be planted, to see that the checkers see them. */
export const BREAKS = ['lose-acknowledged-write', 'resurrect-delete', 'overrun-budget', 'move-too-much'] as const;
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
    case undefined:
      return same({});
  }
}

function same(every: Tampering) {
  return { every, joining: every };
}

/** Removes a tombstone long before its time. */
async function forget(store: Store, id: bigint): Promise<void> {
  const current = await store.current(id);
  if (!current?.tombstone) return;
  await store.setRole(id, current.version, 'cached');
  await store.dropCached(id);
}
