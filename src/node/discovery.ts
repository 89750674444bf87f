import { createHash } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { Mdns, type MdnsOptions } from '../discovery/mdns.js';
import type { Address } from '../rain/contract.js';
import type { Clock } from '../seam/clock.js';
import type { Log } from '../seam/log.js';

interface DiscoverySeams {
  readonly clock: Clock;
  readonly log: Log;
  readonly onFound: (contact: Address) => void;
}

/** Without a key nodes of all clusters without one are found. */
const OPEN = 'open';

/**
 * What a node of this cluster is known by on the local network: 16 hexadecimal digits of SHA-256 for each key, which
 * tell nothing of the key, as keys are random.
 */
export function clusterMarks(keys: readonly Uint8Array[] | undefined): string[] {
  if (!keys || keys.length === 0) return [OPEN];
  return keys.map((key) => createHash('sha256').update('murky-waters mdns').update(key).digest('hex').slice(0, 16));
}

/** Looks for other nodes by multicast DNS on the interface that the transport is bound to, or on all. */
export function discover(
  id: string,
  bound: Address,
  keys: readonly Uint8Array[] | undefined,
  seams: DiscoverySeams,
  options: Pick<MdnsOptions, 'mdnsPort'> = {},
): Mdns {
  const only = isIPv4(bound.host) && bound.host !== '0.0.0.0';
  const mdns = new Mdns(
    { ...options, id, port: bound.port, clusters: clusterMarks(keys), ...(only && { interface: bound.host }) },
    seams,
  );
  mdns.start();
  return mdns;
}
