import { isIPv4 } from 'node:net';
import { isLoopback } from './address.js';

/** With at most 48 bytes of header and seal it fits 1500 bytes over IPv6, and WireGuard's 1420 over IPv4. */
const DEFAULT_SYMBOL_BYTES = 1344;
/** lt::kMaxSymbolBytes: the longest that the wire format allows. */
const MOST_SYMBOL_BYTES = 8896;
const SYMBOL_ALIGNMENT = 64;
/** Outer header, inner header and tag of a SYMBOL. */
const RAIN_BYTES = 48;
const UDP_BYTES = 8;
const IPV4_BYTES = 20;
const IPV6_BYTES = 40;

export interface KnownPath {
  /** Numeric. */
  readonly host: string;
  /** Of the IP packet, as the system knows it; 0: unknown. */
  readonly mtu: number;
  /** Longer symbols were found not to come over it; undefined: nothing is known. */
  readonly symbolLimitBytes?: number | undefined;
}

/**
 * The symbol size for blocks of at most so many bytes over these paths: datagrams that no path has to cut. The system
 * knows the MTU of its own interface, not that of the links behind it, so more than the default is taken within this
 * machine alone. No more than the largest block needs, so that a short value is not padded to a whole datagram.
 */
export function symbolBytesFor(largestBlockBytes: number, paths: readonly KnownPath[]): number {
  const fits = paths.map(longestSymbol);
  const least = fits.length > 0 ? Math.min(...fits) : DEFAULT_SYMBOL_BYTES;
  return Math.min(least, Math.ceil(largestBlockBytes / SYMBOL_ALIGNMENT) * SYMBOL_ALIGNMENT);
}

function longestSymbol({ host, mtu, symbolLimitBytes = MOST_SYMBOL_BYTES }: KnownPath): number {
  if (mtu === 0) return Math.min(DEFAULT_SYMBOL_BYTES, symbolLimitBytes);
  const most = isLoopback(host) ? MOST_SYMBOL_BYTES : DEFAULT_SYMBOL_BYTES;
  const room = mtu - (isIPv4(host) ? IPV4_BYTES : IPV6_BYTES) - UDP_BYTES - RAIN_BYTES;
  return Math.max(
    SYMBOL_ALIGNMENT,
    Math.min(most, symbolLimitBytes, Math.floor(room / SYMBOL_ALIGNMENT) * SYMBOL_ALIGNMENT),
  );
}
