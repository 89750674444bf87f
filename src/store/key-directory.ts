import type { Database } from './database.js';
import { fieldText, textKey, textRange } from './index-keys.js';
import { type Passage, paged } from './paging.js';
import type { TableChange } from './table.js';
import type { VersionRecord } from './version-record.js';

const PAGE_KEYS = 256;

/** How the directory of keys changes when `after` takes the place of `before`. Tombstones are not in it. */
export function byKeyChanges(before: VersionRecord | undefined, after: VersionRecord | undefined): TableChange[] {
  if (after && !after.tombstone) {
    if (before && !before.tombstone) return [];
    const id = Buffer.alloc(8);
    id.writeBigUInt64BE(after.id);
    return [{ type: 'put', key: textKey('byKey', after.key), value: id }];
  }
  if (!before || before.tombstone) return [];
  return [{ type: 'del', key: textKey('byKey', before.key) }];
}

/** Keys and ids of the objects here, in order of the keys' UTF-8 bytes; only those behind `after`. */
export async function* keysInOrder(
  database: Database,
  prefix: string,
  after: string | undefined,
  passage: Passage,
): AsyncGenerator<{ key: string; id: bigint }> {
  const range = textRange('byKey', prefix);
  const from = after === undefined ? range : { ...range, gt: textKey('byKey', after) };
  for await (const [key, id] of paged(() => database.index, from, passage, PAGE_KEYS)) {
    yield { key: fieldText(key), id: id.readBigUInt64BE(0) };
  }
}
