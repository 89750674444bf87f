import type { Table } from './table.js';

/** How a read gets to the table: through the store's gate, or straight on while the store is alone with it. */
export type Passage = <T>(read: () => Promise<T>) => Promise<T>;

export const straight: Passage = (read) => read();

/**
 * The entries of a range, a page at a time. No iterator stays open between pages: an open one would pin what is
 * deleted meanwhile and keep the database from being closed for as long as its reader pleases. So changes made
 * meanwhile are seen or not, but no entry that stays is missed and none comes twice.
 */
export async function* paged(
  table: () => Table,
  range: { gte: Buffer; lt: Buffer; gt?: Buffer },
  passage: Passage,
  pageEntries: number,
): AsyncGenerator<[key: Buffer, value: Buffer]> {
  let from: { gte: Buffer } | { gt: Buffer } =
    range.gt && Buffer.compare(range.gt, range.gte) >= 0 ? { gt: range.gt } : { gte: range.gte };
  for (;;) {
    const page = await passage(() => table().entries({ ...from, lt: range.lt, limit: pageEntries }));
    yield* page;
    const last = page.at(-1);
    if (!last || page.length < pageEntries) return;
    from = { gt: last[0] };
  }
}
