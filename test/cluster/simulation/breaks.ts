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
      return same({ store: forgetful });
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

/** A store that collects its tombstones at once. */
function forgetful(store: Store): Store {
  const begin: Store['begin'] = () => {
    const writer = store.begin();
    const commit: typeof writer.commit = async (manifest, role) => {
      const outcome = await writer.commit(manifest, role);
      if (manifest.tombstone) {
        await store.setRole(manifest.id, manifest.version, 'cached');
        await store.dropCached(manifest.id);
      }
      return outcome;
    };
    return {
      write: (index, bytes) => writer.write(index, bytes),
      read: (index) => writer.read(index),
      abort: () => writer.abort(),
      commit,
    };
  };
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'begin') return begin;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
