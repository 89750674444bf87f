import { resourceId } from '../../../../src/object/key.js';
import { type Version, versionFromBytes } from '../../../../src/object/version.js';
import { currentKey } from '../../../../src/store/index-keys.js';
import { FOLDER, type Server } from '../server.js';

/** What a disk would give back after a power cut. */
export interface Copy {
  readonly version: Version;
  readonly tombstone: boolean;
  /** Bytes of the value. */
  readonly size: number;
}

const INDEX_KEYS = new Map<string, string>();

/**
 * The current version of `key` that is synced on a server's disk, whether the server runs or not. Looks at the record's
 * bytes alone, as it is asked for all keys of all disks in every virtual second.
 */
export function copyOn(server: Server, key: string): Copy | undefined {
  const at = INDEX_KEYS.get(key) ?? currentKey(resourceId(key)).toString('latin1');
  INDEX_KEYS.set(key, at);
  const record = server.disk.synced(FOLDER, at);
  if (!record) return undefined;
  const size = Number(record.readBigUInt64BE(26));
  return { version: versionFromBytes(record, 2), tombstone: (record[1]! & 1) === 1, size };
}
