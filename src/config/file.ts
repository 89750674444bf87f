import * as v from 'valibot';
import { parseJson } from './json.js';
import { shown, wrongValue } from './mistakes.js';
import { readText } from './read-text.js';
import { ALL_KEYS, CONFIG_KEYS, type ConfigKey, isConfigKey } from './schema.js';
import { didYouMean } from './suggest.js';

const MAX_FILE_BYTES = 2 ** 20;
const SECTIONS = new Set(ALL_KEYS.filter((key) => key.includes('.')).map((key) => key.split('.')[0]!));

export interface FileValues {
  readonly values: Map<ConfigKey, unknown>;
  readonly mistakes: string[];
}

/** Reads a configuration file into checked values by key; undefined if there is no such file. */
export function readConfigFile(path: string): FileValues | undefined {
  const read = readText(path, MAX_FILE_BYTES);
  if (read === undefined) return undefined;
  if ('mistake' in read) return { values: new Map(), mistakes: [`${path} ${read.mistake}.`] };
  const parsed = parseJson(read.text);
  if ('mistake' in parsed) {
    const { line, column, what } = parsed.mistake;
    return { values: new Map(), mistakes: [`${path}, line ${line}, column ${column}: ${what}.`] };
  }
  return checkFile(path, parsed.value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkFile(path: string, root: unknown): FileValues {
  const values = new Map<ConfigKey, unknown>();
  const mistakes: string[] = [];
  const say = (sentence: string) => mistakes.push(`${path}: ${sentence}`);
  if (!isObject(root)) {
    say(`found ${shown(root)}; allowed: an object, {"http": {"port": 8080}, …}.`);
    return { values, mistakes };
  }
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(root)) {
    // Nested sections are the usual form; "http.port": 8080 says the same.
    if (!SECTIONS.has(name)) take(name, value);
    else if (!isObject(value)) say(`${name}: found ${shown(value)}; allowed: an object with the keys of this section.`);
    else for (const [inner, innerValue] of Object.entries(value)) take(`${name}.${inner}`, innerValue);
  }
  return { values, mistakes };

  function take(key: string, value: unknown): void {
    if (!isConfigKey(key)) {
      say(`${key} is not a known key${didYouMean(key, [...ALL_KEYS, ...SECTIONS])}`);
    } else if (seen.has(key)) {
      say(`${key} is there twice, nested and as a dotted name.`);
    } else {
      seen.add(key);
      if (v.is(CONFIG_KEYS[key].kind.schema, value)) values.set(key, value);
      else mistakes.push(wrongValue(`${path}: ${key}`, value, key));
    }
  }
}
