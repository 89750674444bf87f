import { content } from './objects.js';

/** So small that copies are evicted and overwritten versions expire all the time. */
export const CRASH_BED = { maxBytes: 12 * 2 ** 20, graceMs: 100 };

/** The value that version `time` of any object has. */
export function crashValue(time: number): Buffer {
  return content((time * 104_729) % 700_000, time);
}
