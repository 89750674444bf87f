import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Contact } from '../cluster/contact.js';
import type { Resolve } from '../cluster/membership.js';
import { MurkyError } from '../errors.js';
import type { Address } from '../rain/contract.js';

/** Looks up every address of a name, as the system does. */
export type LookUp = (host: string) => Promise<readonly string[]>;

export const systemLookUp: LookUp = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

/**
 * All addresses of a contact that `reachable` takes: it rejects those of another family, and other machines where only
 * this one may be spoken to. Rejects with its error where there is none, and with MURKY_NODE_UNREACHABLE for a name that
 * leads nowhere.
 */
export function resolver(reachable: (address: Address) => Promise<Address>, lookUp: LookUp = systemLookUp): Resolve {
  return async (contact) => {
    if (isIP(contact.host)) return [await reachable(contact)];
    const hosts = await addressesOf(contact, lookUp);
    const tried = await Promise.allSettled(hosts.map((host) => reachable({ host, port: contact.port })));
    const usable = tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const [first] = tried;
    if (usable.length === 0 && first?.status === 'rejected') throw first.reason;
    return usable;
  };
}

async function addressesOf({ host }: Contact, lookUp: LookUp): Promise<readonly string[]> {
  try {
    return [...new Set(await lookUp(host))];
  } catch (cause) {
    throw new MurkyError('MURKY_NODE_UNREACHABLE', `The host name ${host} does not resolve to an address.`, { cause });
  }
}
