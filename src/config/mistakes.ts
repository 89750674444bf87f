import { MurkyError } from '../errors.js';
import type { ConfigKey } from './schema.js';
import { CONFIG_KEYS } from './schema.js';

const MAX_SHOWN_CHARACTERS = 60;

/** A value as a mistake's sentence shows it: JSON, cut where it is long. */
export function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length <= MAX_SHOWN_CHARACTERS ? json : `${json.slice(0, MAX_SHOWN_CHARACTERS)}…`;
}

/** The sentence for a value that a key does not take. `where` names the key as the person wrote it. */
export function wrongValue(where: string, found: unknown, key: ConfigKey): string {
  return `${where}: found ${shown(found)}; allowed: ${CONFIG_KEYS[key].kind.allowed}.`;
}

/** All mistakes as one MURKY_BAD_CONFIG; `facts.mistakes` has them one by one. */
export function badConfig(mistakes: readonly string[]): MurkyError {
  const sentence =
    mistakes.length === 1
      ? mistakes[0]!
      : `The configuration has ${mistakes.length} mistakes:\n${mistakes.map((mistake) => `  ${mistake}`).join('\n')}`;
  return new MurkyError('MURKY_BAD_CONFIG', sentence, {
    hint: 'docs/configuration.md lists every key with what is allowed.',
    facts: { mistakes: [...mistakes] },
  });
}
