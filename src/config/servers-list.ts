import * as v from 'valibot';
import { parseJson } from './json.js';
import { isHost } from './kinds.js';
import { badConfig, shown } from './mistakes.js';
import { readText } from './read-text.js';
import { didYouMean } from './suggest.js';

/** Enough for any cluster to be found; the others are learned from these. */
export const MAX_LISTED_SERVERS = 1024;

const MAX_FILE_BYTES = 2 ** 20;

/** Host name or IP address, and UDP port, of another node's transport. */
export interface ListedServer {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads a servers list, `[{"host": "...", "port": 1980}]`. MURKY_BAD_CONFIG with every mistake in it. A missing file
 * is an empty list where it is `optional` (loadConfig has already refused a missing list that somebody named).
 */
export function readServersList(path: string, options: { optional: boolean }): ListedServer[] {
  const { servers, mistakes } = check(path, options.optional);
  if (mistakes.length > 0) throw badConfig(mistakes);
  return servers;
}

/** The sentences that {@link readServersList} would refuse the file with. */
export function serversListMistakes(path: string, options: { optional: boolean }): string[] {
  return check(path, options.optional).mistakes;
}

interface Checked {
  readonly servers: ListedServer[];
  readonly mistakes: string[];
}

const FIELDS = {
  host: { schema: v.pipe(v.string(), v.check(isHost)), allowed: 'a host name or IP address' },
  port: {
    schema: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535)),
    allowed: 'a whole number from 1 to 65535',
  },
} as const;
const FIELD_NAMES = Object.keys(FIELDS) as (keyof typeof FIELDS)[];

function check(path: string, optional: boolean): Checked {
  const read = readText(path, MAX_FILE_BYTES);
  if (read === undefined) return { servers: [], mistakes: optional ? [] : [`${path} (servers-list) does not exist.`] };
  if ('mistake' in read) return { servers: [], mistakes: [`${path} ${read.mistake}.`] };
  const parsed = parseJson(read.text);
  if ('mistake' in parsed) {
    const { line, column, what } = parsed.mistake;
    return { servers: [], mistakes: [`${path}, line ${line}, column ${column}: ${what}.`] };
  }
  const list = parsed.value;
  if (!Array.isArray(list) || list.length > MAX_LISTED_SERVERS) {
    const found = Array.isArray(list) ? `${list.length} servers` : shown(list);
    const allowed = `a list of at most ${MAX_LISTED_SERVERS} servers, [{"host": "...", "port": 1980}]`;
    return { servers: [], mistakes: [`${path}: found ${found}; allowed: ${allowed}.`] };
  }
  const mistakes = list.flatMap((entry: unknown, i) => entryMistakes(`${path}: [${i}]`, entry));
  const servers = mistakes.length > 0 ? [] : (list as ListedServer[]).map(({ host, port }) => ({ host, port }));
  return { servers, mistakes };
}

function entryMistakes(where: string, entry: unknown): string[] {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return [`${where}: found ${shown(entry)}; allowed: {"host": "...", "port": 1980}.`];
  }
  const fields = entry as Record<string, unknown>;
  const unknown = Object.keys(fields)
    .filter((name) => !Object.hasOwn(FIELDS, name))
    .map((name) => `${where}.${name} is not a known key${didYouMean(name, FIELD_NAMES)}`);
  const wrong = FIELD_NAMES.filter((name) => !v.is(FIELDS[name].schema, fields[name])).map((name) => {
    const found = Object.hasOwn(fields, name) ? `found ${shown(fields[name])}` : 'it is missing';
    return `${where}.${name}: ${found}; allowed: ${FIELDS[name].allowed}.`;
  });
  return [...unknown, ...wrong];
}
