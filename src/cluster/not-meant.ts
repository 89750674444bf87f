import { MurkyError } from '../errors.js';

/**
 * For what was meant for another node that was at this address before: one whose disk was lost comes back as a new node.
 * Were it answered, one disk would count as two owners.
 */
export function notMeant(what: string): MurkyError {
  return new MurkyError('MURKY_BAD_REQUEST', `${what} was meant for another node.`);
}
