/** How a sentence calls a resource: by its key where that is known, for the id means nothing to who typed a key. */
export function nameOf(id: bigint, key: string | undefined): string {
  return key === undefined ? `resource ${id}` : `"${key}"`;
}
