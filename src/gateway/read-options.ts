import { MurkyError } from '../errors.js';
import type { ReadOptions } from '../node/contract.js';

/** What the query of a GET or HEAD of an object asks for. MURKY_BAD_REQUEST for what makes no sense. */
export function readOptions(query: ReadonlyMap<string, string>): ReadOptions {
  const version = query.get('version');
  const consistency = query.get('consistency');
  if (version !== undefined) {
    if (consistency === undefined) return { version };
    throw new MurkyError('MURKY_BAD_REQUEST', 'version names what is read; consistency has nothing to choose from.');
  }
  if (consistency === undefined) return {};
  if (consistency === 'local' || consistency === 'quorum') return { consistency };
  throw new MurkyError('MURKY_BAD_REQUEST', 'consistency is either local or quorum.');
}
