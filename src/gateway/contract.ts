import type { MurkyConfig } from '../config/contract.js';
import type { ObjectNode } from '../node/contract.js';
import type { Clock } from '../seam/clock.js';
import type { Log } from '../seam/log.js';
import type { GatewayLimits } from './limits.js';

/** What the gateway needs of a node. */
export type GatewayNode = Pick<
  ObjectNode,
  | 'put'
  | 'versions'
  | 'head'
  | 'get'
  | 'delete'
  | 'list'
  | 'status'
  | 'peers'
  | 'cluster'
  | 'fetches'
  | 'drain'
  | 'cancelDrain'
>;

/** A running HTTP server in front of a node. It does not own the node: close the gateway first, then the node. */
export interface Gateway {
  /** The host as configured; the port as bound, also where 0 was configured. */
  readonly host: string;
  readonly port: number;
  /** `http://HOST:PORT`, an IPv6 address in brackets. */
  readonly url: string;
  /**
   * Stops to accept, lets running requests end within the limit's `closeMs`, then cuts what is left. Idempotent;
   * never rejects.
   */
  close(): Promise<void>;
}

/**
 * Binds and starts to serve. MURKY_ADDRESS_IN_USE or MURKY_ADDRESS_UNUSABLE if it cannot bind, MURKY_BAD_CONFIG if the
 * access token cannot be read, MURKY_INSECURE_REFUSED for an address that others can reach without a token.
 */
export type StartGateway = (
  node: GatewayNode,
  config: MurkyConfig['http'],
  log: Log,
  options?: GatewayOptions,
) => Promise<Gateway>;

export interface GatewayOptions {
  readonly limits?: Partial<GatewayLimits>;
  readonly clock?: Clock;
}
