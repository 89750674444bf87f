import { MurkyError } from '../errors.js';
import { checkKey, parseId } from '../object/key.js';

/** What a request is about. */
export type Route =
  | { readonly kind: 'object'; readonly key: string; readonly query: ReadonlyMap<string, string> }
  | { readonly kind: 'list'; readonly query: ReadonlyMap<string, string> }
  | { readonly kind: 'status' | 'peers' | 'cluster' | 'fetches' | 'drain' | 'root' | 'live' | 'ready' };

export interface Target {
  readonly route: Route;
  /** Of an absolute-form target, which then takes the place of the Host header (RFC 9112 section 3.2.2). */
  readonly authority: string | undefined;
}

const LIST_PARAMETERS = ['prefix', 'after', 'limit'];
const OBJECT_PARAMETERS = ['consistency', 'version', 'versions'];

/**
 * Reads a request target as it was on the line. No URL parser: it would take the keys `.` and `..` for steps in a path.
 * MURKY_BAD_REQUEST, MURKY_BAD_KEY, or MURKY_NOT_FOUND for a path that means nothing here.
 */
export function parseTarget(raw: string): Target {
  const absolute = /^https?:\/\/([^/?#]*)/i.exec(raw);
  const target = absolute === null ? raw : raw.slice(absolute[0].length) || '/';
  const mark = target.indexOf('?');
  const path = decode(mark === -1 ? target : target.slice(0, mark), 'path');
  const query = mark === -1 ? '' : target.slice(mark + 1);
  return { route: parseRoute(path, query), authority: absolute?.[1] };
}

function parseRoute(path: string, query: string): Route {
  const id = /^\/([0-9]+)$/.exec(path)?.[1];
  if (path.startsWith('/objects/') || id !== undefined) {
    const key = id ?? path.slice('/objects/'.length);
    checkKey(key);
    if (id !== undefined && parseId(id) === undefined) {
      throw new MurkyError('MURKY_BAD_KEY', `/${id} is not an unsigned 64-bit number in plain decimal.`, {
        hint: 'Any other key goes under /objects/.',
      });
    }
    const hint = 'Write a ? that belongs to the key as %3F.';
    return { kind: 'object', key, query: parseQuery(query, OBJECT_PARAMETERS, hint) };
  }
  if (path === '/objects') return { kind: 'list', query: parseQuery(query, LIST_PARAMETERS) };
  const kind = (
    {
      '/': 'root',
      '/status': 'status',
      '/peers': 'peers',
      '/cluster': 'cluster',
      '/fetches': 'fetches',
      '/drain': 'drain',
      '/health/live': 'live',
      '/health/ready': 'ready',
    } as const
  )[path];
  if (kind !== undefined) {
    parseQuery(query, []);
    return { kind };
  }
  throw new MurkyError('MURKY_NOT_FOUND', 'There is nothing under this path.', {
    hint: 'Objects are under /objects/<key> and /<unsigned 64-bit id>; GET / names the rest.',
  });
}

/** Every parameter once, all of them known: a misspelt one must not change what is answered. */
function parseQuery(query: string, known: readonly string[], more = ''): Map<string, string> {
  const values = new Map<string, string>();
  for (const pair of query.split('&').filter((part) => part !== '')) {
    const equals = pair.indexOf('=');
    const [name, value] = equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
    if (!known.includes(name)) {
      const allowed = known.length === 0 ? 'This path takes none.' : `Known here: ${known.join(', ')}.`;
      throw new MurkyError('MURKY_BAD_REQUEST', `The query parameter ${name.slice(0, 60)} is not known.`, {
        hint: more === '' ? allowed : `${allowed} ${more}`,
      });
    }
    if (values.has(name)) throw new MurkyError('MURKY_BAD_REQUEST', `The query parameter ${name} is there twice.`);
    values.set(name, decode(value.replaceAll('+', ' '), `query parameter ${name}`));
  }
  return values;
}

/** Percent-decoding (RFC 3986 section 2.1) of what must be UTF-8. Bytes above 0x7f never come here: see client-error.ts. */
function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new MurkyError('MURKY_BAD_REQUEST', `The ${what} is not well-formed percent-encoded UTF-8.`, {
      hint: 'Write a percent sign itself as %25.',
    });
  }
}
