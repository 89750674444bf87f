import { VERSION_BYTES, type Version, versionFromBytes, versionToBytes } from '../../object/version.js';
import { OctetReader, u8, u64 } from '../octets.js';

/** Why a resource is in the repair queue. */
export interface Entry {
  /** The newest version that is known to be missing somewhere; the least of all where that is not known. */
  readonly version: Version;
  /** This node is to find out what it should hold, and whether the other owners have what it holds. */
  readonly look: boolean;
  /** Nodes that are known to hold the version and to be there: the fewer, the sooner it is repaired. */
  readonly copies: number;
  /** Ids of owners that have still to get it from here. */
  readonly owed: readonly bigint[];
}

export const NO_VERSION: Version = { time: 0n, node: 0n };
export const MAX_OWED = 32;
const FORMAT = 1;
const FLAG_LOOK = 1;

/** Format (1), flags (1: bit 0 look), copies (1), owed owners (1), version (16), then each owner's id (8). */
export function encodeEntry(entry: Entry): Buffer {
  const head = [u8(FORMAT), u8(entry.look ? FLAG_LOOK : 0), u8(Math.min(entry.copies, 255)), u8(entry.owed.length)];
  return Buffer.concat([...head, versionToBytes(entry.version), ...entry.owed.map(u64)]);
}

/** MURKY_BAD_MESSAGE for anything that {@link encodeEntry} would not have written. */
export function decodeEntry(bytes: Uint8Array): Entry {
  const reader = new OctetReader(bytes, 'An entry of the repair queue');
  if (reader.u8() !== FORMAT) throw reader.fail('its format is not known');
  const flags = reader.u8();
  if (flags > FLAG_LOOK) throw reader.fail('unknown flags');
  const copies = reader.u8();
  const count = reader.u8();
  if (count > MAX_OWED) throw reader.fail('too many owners');
  const version = versionFromBytes(reader.take(VERSION_BYTES));
  const owed: bigint[] = [];
  for (let i = 0; i < count; i++) owed.push(reader.u64());
  reader.end();
  return { version, look: flags === FLAG_LOOK, copies, owed };
}
