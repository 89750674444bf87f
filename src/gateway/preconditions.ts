import type { IncomingHttpHeaders } from 'node:http';
import parseRange from 'range-parser';
import { MurkyError } from '../errors.js';
import type { Condition, Tags } from '../node/condition.js';

/** What a GET or HEAD is answered with, by its conditions and range. `end` is behind the last byte. */
export type Selection =
  | { readonly status: 200 | 206; readonly start: number; readonly end: number }
  | { readonly status: 304 };

/**
 * Evaluates If-Match, If-None-Match, If-Range and Range in the order of RFC 9110 section 13.2.2. There is no
 * Last-Modified, so that the conditions on dates have nothing to compare and are ignored, as the RFC says.
 * MURKY_PRECONDITION_FAILED or MURKY_RANGE_NOT_SATISFIABLE.
 */
export function select(headers: IncomingHttpHeaders, etag: string, size: number, method: 'GET' | 'HEAD'): Selection {
  const whole = { status: 200, start: 0, end: size } as const;
  const match = headers['if-match'];
  if (match !== undefined && !matches(match, etag, 'strong')) {
    throw new MurkyError('MURKY_PRECONDITION_FAILED', `The object's ETag is ${etag}, not the one of If-Match.`);
  }
  const noneMatch = headers['if-none-match'];
  if (noneMatch !== undefined && matches(noneMatch, etag, 'weak')) return { status: 304 };
  // RFC 9110 section 14.2: Range is defined for GET alone.
  if (headers.range === undefined || method === 'HEAD') return whole;
  const ifRange = headers['if-range'];
  // A date never matches: section 13.1.5 asks for the whole then.
  if (ifRange !== undefined && (ifRange === '*' || !matches(String(ifRange), etag, 'strong'))) return whole;
  return range(headers.range, size) ?? whole;
}

/**
 * What a PUT or DELETE asks of the object that is there. A condition that were ignored would overwrite what the client
 * meant to keep: those on dates, which there are none of, are MURKY_NOT_SUPPORTED; a part, and what is no list of tags, is
 * MURKY_BAD_REQUEST.
 */
export function writeCondition(headers: IncomingHttpHeaders): Condition {
  if (headers['content-range'] !== undefined) {
    // RFC 9110 section 14.5: a server that does not do partial PUT refuses it.
    throw new MurkyError('MURKY_BAD_REQUEST', 'An object is written whole; Content-Range is for answers.');
  }
  const onDate = ['if-unmodified-since', 'if-modified-since'].find((name) => headers[name] !== undefined);
  if (onDate !== undefined) {
    throw new MurkyError('MURKY_NOT_SUPPORTED', `Objects have no date to compare, and this write has ${onDate}.`, {
      hint: 'If-Match with the ETag does what is meant.',
    });
  }
  const { 'if-match': match, 'if-none-match': noneMatch } = headers;
  return {
    ...(match !== undefined && { ifMatch: tagsOf('If-Match', match, 'strong') }),
    ...(noneMatch !== undefined && { ifNoneMatch: tagsOf('If-None-Match', noneMatch, 'weak') }),
  };
}

/** What is between the quotes. A weak tag names no bytes, and is not equal to any in the strong comparison. */
function tagsOf(header: string, list: string, comparison: 'weak' | 'strong'): Tags {
  if (list.trim() === '*') return '*';
  const tags = [...list.matchAll(/(W\/)?"([^"]*)"/g)];
  if (tags.length === 0 || /[^\s,]/.test(list.replace(/(W\/)?"[^"]*"/g, ''))) {
    throw new MurkyError('MURKY_BAD_REQUEST', `${header} is neither * nor a list of ETags.`, {
      hint: 'An ETag stands in double quotes.',
    });
  }
  return tags.flatMap(([, weak, tag]) => (tag !== undefined && (comparison === 'weak' || !weak) ? [tag] : []));
}

/** RFC 9110 section 8.8.3.2: the weak comparison ignores the W/ mark, the strong one fails on it. */
function matches(list: string, etag: string, comparison: 'weak' | 'strong'): boolean {
  if (list.trim() === '*') return true;
  return [...list.matchAll(/(W\/)?("[^"]*")/g)].some(
    ([, weak, tag]) => tag === etag && (comparison === 'weak' || weak === undefined),
  );
}

/** One byte range; undefined where the header is to be ignored (another unit, malformed, several ranges). */
function range(header: string, size: number): Selection | undefined {
  const suffix = /^bytes=\s*-([0-9]+)\s*$/i.exec(header)?.[1];
  if (suffix !== undefined && Number(suffix) > 0) {
    // Section 14.1.2: a suffix longer than the object is all of it, which range-parser calls unsatisfiable.
    const start = Math.max(0, size - Number(suffix));
    return size === 0 ? undefined : { status: 206, start, end: size };
  }
  const parsed = parseRange(size, header);
  if (!/^bytes=/i.test(header) || parsed === -2) return undefined;
  if (parsed === -1) {
    throw new MurkyError('MURKY_RANGE_NOT_SATISFIABLE', `The object has ${size} bytes; the range lies outside.`, {
      hint: 'HEAD tells the size.',
      facts: { size },
    });
  }
  // Section 14.2 lets a server ignore a Range; several at once would need multipart/byteranges.
  const [only, ...others] = parsed;
  return only === undefined || others.length > 0 ? undefined : { status: 206, start: only.start, end: only.end + 1 };
}
