import { MurkyError } from '../errors.js';
import type { Manifest } from '../object/manifest.js';

/** Entity tags: each the SHA-256 of a value in hexadecimal. '*' stands for any value. */
export type Tags = '*' | readonly string[];

/** What the object has to be for a write to take place (RFC 9110, section 13.1). */
export interface Condition {
  /** One of these. */
  readonly ifMatch?: Tags;
  /** None of these; with '*' there is no object. */
  readonly ifNoneMatch?: Tags;
}

export function isConditional({ ifMatch, ifNoneMatch }: Condition): boolean {
  return ifMatch !== undefined || ifNoneMatch !== undefined;
}

/** MURKY_PRECONDITION_FAILED unless `current`, undefined where there is no object, is what the condition asks for. */
export function checkCondition(key: string, { ifMatch, ifNoneMatch }: Condition, current: Manifest | undefined): void {
  if (ifMatch !== undefined && !includes(ifMatch, current)) {
    throw failed(key, current, current ? 'is not what If-Match names' : 'is not there');
  }
  if (ifNoneMatch !== undefined && includes(ifNoneMatch, current)) {
    throw failed(key, current, ifNoneMatch === '*' ? 'is there already' : 'is what If-None-Match names');
  }
}

function includes(tags: Tags, current: Manifest | undefined): boolean {
  return current !== undefined && (tags === '*' || tags.includes(tagOf(current)));
}

function tagOf(manifest: Manifest): string {
  return Buffer.from(manifest.sha256).toString('hex');
}

function failed(key: string, current: Manifest | undefined, why: string): MurkyError {
  return new MurkyError('MURKY_PRECONDITION_FAILED', `"${key}" ${why}; nothing was written.`, {
    hint: 'Read it, and decide anew.',
    facts: { key, current: current ? tagOf(current) : null },
  });
}
