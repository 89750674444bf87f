import type { Header } from 'tar-stream';
import { entryName, keyOfName } from './entry-name.js';

/** What an archive says of an object before its bytes. */
export interface ArchivedObject {
  readonly key: string;
  readonly bytes: number;
  /** Hexadecimal; undefined in an archive that was made otherwise. */
  readonly sha256: string | undefined;
  /** HTTP headers that are kept with the object, by their names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
  /** When the version was written, by the clock of its writer. */
  readonly writtenAt: Date;
}

/**
 * Extended attributes of the user's name space, as GNU tar, bsdtar and star carry them: none of them stumbles over a
 * keyword that it does not know, and an archive that is unpacked and packed again with --xattrs keeps them.
 */
const ATTRIBUTE = 'SCHILY.xattr.user.murky.';
const METADATA = `${ATTRIBUTE}metadata.`;
/** The time field of a header has 11 octal digits; its writer counts seconds in 31 bits. */
const MAX_TIME_MS = (2 ** 31 - 1) * 1000;

/** The header of an object in the pax format (POSIX.1-2001), whose records are UTF-8 of any length. */
export function headerOf(object: ArchivedObject): Partial<Header> & Pick<Header, 'name'> {
  const { key, bytes, sha256, metadata, writtenAt } = object;
  const name = entryName(key);
  const pax: Record<string, string> = {};
  if (name !== key) pax[`${ATTRIBUTE}key`] = key;
  if (sha256 !== undefined) pax[`${ATTRIBUTE}sha256`] = sha256;
  for (const [field, value] of Object.entries(metadata).sort()) pax[METADATA + field] = value;
  return { name, size: bytes, type: 'file', mtime: new Date(Math.min(writtenAt.getTime(), MAX_TIME_MS)), pax };
}

/** The object that a header of a file announces, from whatever tar. */
export function objectOf(header: Header): ArchivedObject {
  const pax = (header.pax ?? {}) as Record<string, string>;
  const metadata: Record<string, string> = {};
  for (const [keyword, value] of Object.entries(pax)) {
    if (keyword.startsWith(METADATA)) metadata[keyword.slice(METADATA.length)] = value;
  }
  return {
    key: pax[`${ATTRIBUTE}key`] ?? keyOfName(header.name),
    bytes: header.size,
    sha256: pax[`${ATTRIBUTE}sha256`],
    metadata,
    writtenAt: header.mtime,
  };
}
