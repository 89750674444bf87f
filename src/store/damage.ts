import { isMurkyError } from '../errors.js';
import type { Manifest } from '../object/manifest.js';
import type { Store } from './contract.js';

/** To be caught where a damaged record is as good as none. */
export function ignoreDamage(error: unknown): undefined {
  if (!isMurkyError(error, 'MURKY_BLOCK_CORRUPT')) throw error;
  return undefined;
}

/** Store.current for who writes or fetches the object: a commit replaces what is damaged, so that is as good as none. */
export async function currentIfSound(store: Pick<Store, 'current'>, id: bigint): Promise<Manifest | undefined> {
  return await store.current(id).catch(ignoreDamage);
}
