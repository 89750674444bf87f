import { MurkyError } from '../errors.js';
import { parseId, resourceId } from '../object/key.js';

/** The key that `idOrKey` names: an id is its own key in plain decimal. */
export function checkIdOrKey(idOrKey: string | bigint): string {
  if (typeof idOrKey === 'string') return idOrKey;
  if (typeof idOrKey === 'bigint' && parseId(idOrKey.toString()) !== undefined) return idOrKey.toString();
  throw new MurkyError('MURKY_BAD_ARGUMENT', `${String(idOrKey)} is neither a key nor an unsigned 64-bit bigint.`);
}

export function idOf(idOrKey: string | bigint): bigint {
  return resourceId(checkIdOrKey(idOrKey));
}
