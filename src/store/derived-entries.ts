import { versionToBytes } from '../object/version.js';
import { byExpiryKey, byUseKey } from './index-keys.js';
import { byKeyChanges } from './key-directory.js';
import type { TableChange } from './table.js';
import type { VersionRecord } from './version-record.js';

/** The entries of the index that follow from the record of a version. */
export function derivedEntries(kind: 'current' | 'overwritten', record: VersionRecord): TableChange[] {
  const { timeMs, id, version, role, tombstone } = record;
  const value = Buffer.alloc(0);
  if (kind === 'overwritten') return [{ type: 'put', key: byExpiryKey(timeMs, id, versionToBytes(version)), value }];
  const changes = byKeyChanges(undefined, record);
  if (role === 'cached' && !tombstone) changes.push({ type: 'put', key: byUseKey(timeMs, id), value });
  return changes;
}
