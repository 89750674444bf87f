import { dirname, resolve } from 'node:path';
import * as v from 'valibot';
import type { MurkyConfig } from './contract.js';
import { contradictions } from './contradictions.js';
import { readConfigFile } from './file.js';
import { badConfig, wrongValue } from './mistakes.js';
import {
  ALL_KEYS,
  CONFIG_KEYS,
  type ConfigKey,
  camelCase,
  DEFAULT_CONFIG_FILE,
  environmentName,
  flagName,
} from './schema.js';
import { serversListMistakes } from './servers-list.js';
import { nearest } from './suggest.js';

export type ConfigSource = 'flag' | 'environment' | 'file' | 'default';

export interface LoadOptions {
  /** `--config FILE`: must exist. Without it ./murky-config.json is read if it is there. */
  readonly file?: string | undefined;
  /**
   * Flags by the name that commander gives them (`httpPort` for `--http-port`): text, or true for a bare switch.
   * Names that are no configuration are left alone, so that `program.opts()` can be handed on whole.
   */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** `process.env` by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Relative paths of flags and environment, and the default file, start here. The working directory by default. */
  readonly cwd?: string;
}

export interface LoadedConfig {
  readonly config: MurkyConfig;
  /** Absolute path of the file that was read; null if there was none. */
  readonly file: string | null;
  /** Where the value of each key came from. */
  readonly sources: Readonly<Record<ConfigKey, ConfigSource>>;
}

interface Given {
  readonly value: unknown;
  readonly source: ConfigSource;
}

/**
 * The configuration from flags, environment, file and defaults, in this order of precedence. Every mistake of every
 * source, also of a value that another source overrides, is in one MURKY_BAD_CONFIG, a sentence each.
 */
export function loadConfig(options: LoadOptions = {}): LoadedConfig {
  const cwd = options.cwd ?? process.cwd();
  const named = options.file !== undefined;
  const file = resolve(cwd, options.file ?? DEFAULT_CONFIG_FILE);
  const mistakes: string[] = [];
  const given = new Map<ConfigKey, Given>();

  const fromFile = readConfigFile(file);
  if (fromFile === undefined && named) mistakes.push(`${file} does not exist.`);
  mistakes.push(...(fromFile?.mistakes ?? []));
  const base = fromFile === undefined ? cwd : dirname(file);
  for (const [key, value] of fromFile?.values ?? []) {
    given.set(key, { value: located(key, value, base), source: 'file' });
  }
  const takeText = (key: ConfigKey, text: unknown, where: string, source: ConfigSource) => {
    const { kind } = CONFIG_KEYS[key];
    const value = typeof text === 'string' ? kind.fromText(text) : text;
    if (v.is(kind.schema, value)) given.set(key, { value: located(key, value, cwd), source });
    else mistakes.push(wrongValue(where, text, key));
  };
  const env = options.env ?? process.env;
  for (const key of ALL_KEYS) {
    const name = environmentName(key);
    // An empty variable is how compose files and unit files write "not set".
    if (env[name]) takeText(key, env[name], name, 'environment');
  }
  mistakes.push(...unknownVariables(env));
  for (const key of ALL_KEYS) {
    const text = options.flags?.[camelCase(key.replace('.', '-'))];
    if (text !== undefined) takeText(key, text, flagName(key), 'flag');
  }

  const config = assemble(given, base);
  mistakes.push(...contradictions(config));
  // Only the list that nobody had to name may be missing.
  const defaultList = located('servers-list', CONFIG_KEYS['servers-list'].default, base);
  mistakes.push(...serversListMistakes(config.serversList, { optional: config.serversList === defaultList }));
  if (mistakes.length > 0) throw badConfig(mistakes);
  const sources = Object.fromEntries(ALL_KEYS.map((key) => [key, given.get(key)?.source ?? 'default']));
  return { config, file: fromFile === undefined ? null : file, sources: sources as Record<ConfigKey, ConfigSource> };
}

/** The configuration of a node that nobody configured; relative paths start at `cwd`. */
export function defaultConfig(cwd = process.cwd()): MurkyConfig {
  return assemble(new Map(), cwd);
}

function located(key: ConfigKey, value: unknown, base: string): unknown {
  return CONFIG_KEYS[key].kind.isPath && typeof value === 'string' ? resolve(base, value) : value;
}

/** Builds the nested object; CONFIG_KEYS' type vouches that every key of MurkyConfig is met with its type. */
function assemble(given: ReadonlyMap<ConfigKey, Given>, base: string): MurkyConfig {
  const config: Record<string, unknown> = {};
  for (const key of ALL_KEYS) {
    const value = given.has(key) ? given.get(key)!.value : located(key, CONFIG_KEYS[key].default, base);
    const [section, name] = key.split('.').map(camelCase) as [string, string?];
    if (name === undefined) {
      config[section] = value;
    } else {
      config[section] ??= {};
      (config[section] as Record<string, unknown>)[name] = value;
    }
  }
  return config as unknown as MurkyConfig;
}

/** A MURKY_ variable that is nearly one of ours is a slip; any other belongs to somebody else. */
function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Map(ALL_KEYS.map((key) => [environmentName(key), key]));
  return Object.keys(env)
    .filter((name) => name.startsWith('MURKY_') && !known.has(name))
    .map(
      (name) =>
        [
          name,
          nearest(
            name.slice(6),
            [...known.keys()].map((other) => other.slice(6)),
          ),
        ] as const,
    )
    .filter(([, near]) => near !== undefined)
    .map(([name, near]) => `${name} is not a known variable; did you mean MURKY_${near}?`);
}
