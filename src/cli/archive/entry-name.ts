/**
 * The path under which a key stands in a tar archive: the key itself where that is a plain relative path. A segment that
 * would lead out of the folder that the archive is unpacked in, or that no file can have, is written as an escape; two
 * keys may then share a path, so the key itself goes into a record of its own.
 */
export function entryName(key: string): string {
  return key
    .split('/')
    .map((segment) => ESCAPES.get(segment) ?? segment)
    .join('/');
}

const ESCAPES = new Map([
  ['', '%'],
  ['.', '%2E'],
  ['..', '%2E%2E'],
]);

/** The key of an entry that names none: archives made by tar begin their paths with "./" where a folder was packed. */
export function keyOfName(name: string): string {
  return name.replace(/^(\.\/)+/, '');
}
