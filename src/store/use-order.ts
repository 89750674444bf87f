import type { Database } from './database.js';
import { byUseKey, fieldBigInt, fieldNumber, kindRange } from './index-keys.js';

const PAGE_ENTRIES = 64;
/** Bit 48 of a place is set in the window: there are two rows in one, each in order of time. */
const WINDOW = 2 ** 48;

/** Where a cached copy stands: when it was last used, in milliseconds since 1970, and in which of the queues. */
export type Place = number;
export type Queue = 'window' | 'main';

export const placeIn = (queue: Queue, timeMs: number): Place => (queue === 'window' ? WINDOW + timeMs : timeMs);
export const queueOf = (place: Place): Queue => (place >= WINDOW ? 'window' : 'main');
export const timeOf = (place: Place): number => place % WINDOW;

export interface UseEntry {
  readonly id: bigint;
  readonly place: Place;
}

/** What the index lists of a queue, longest unused first, as it is when a page is read. */
export async function* inOrderOfUse(database: Database, queue: Queue): AsyncGenerator<UseEntry> {
  let range: { gte: Buffer } | { gt: Buffer } = { gte: byUseKey(placeIn(queue, 0), 0n) };
  const lt = queue === 'main' ? byUseKey(WINDOW, 0n) : kindRange('byUse').lt;
  for (;;) {
    const page = await database.index.keys({ ...range, lt, limit: PAGE_ENTRIES });
    for (const key of page) yield { id: fieldBigInt(key, 8), place: fieldNumber(key) };
    const last = page.at(-1);
    if (!last || page.length < PAGE_ENTRIES) return;
    range = { gt: last };
  }
}

/** The latest time of use in the index. */
export async function latestUseMs(database: Database): Promise<number> {
  const { gte, lt } = kindRange('byUse');
  const middle = byUseKey(WINDOW, 0n);
  const ends = [
    { gte, lt: middle },
    { gte: middle, lt },
  ];
  const last = await Promise.all(ends.map((range) => database.index.keys({ ...range, reverse: true, limit: 1 })));
  return Math.max(0, ...last.flat().map((key) => timeOf(fieldNumber(key))));
}
