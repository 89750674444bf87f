import { lookup } from 'node:dns/promises';
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { MurkyError } from '../errors.js';
import type { Address } from './contract.js';

/** `host:port`, or `[host]:port` where the host is an IPv6 address. */
export function formatAddress(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Reads `host:port` or `[v6]:port`; the host may be a name. Anything else is MURKY_BAD_ARGUMENT. */
export function parseAddress(text: string): Address {
  const parts = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(text);
  if (!parts) {
    throw new MurkyError('MURKY_BAD_ARGUMENT', `"${text}" is not an address.`, {
      hint: 'Write host:port, for example 192.0.2.1:1980 or [2001:db8::1]:1980.',
    });
  }
  const [, bracketed, plain, digits] = parts;
  const host = bracketed ?? plain ?? '';
  const port = Number(digits);
  if (bracketed !== undefined && isIP(bracketed) !== 6) {
    throw new MurkyError('MURKY_BAD_ARGUMENT', `"${text}" has brackets around what is not an IPv6 address.`);
  }
  return checkAddress({ host, port });
}

/** Throws MURKY_BAD_ARGUMENT unless the host could be an address or a name and the port one that can be sent to. */
export function checkAddress(address: Address): Address {
  const { host, port } = address;
  if (isIP(host) === 0 && !/^[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_.])?$/i.test(host)) {
    throw new MurkyError('MURKY_BAD_ARGUMENT', `"${host}" is neither an IP address nor a host name.`);
  }
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new MurkyError('MURKY_BAD_ARGUMENT', `Port ${port} of ${host} is not between 1 and 65535.`);
  }
  return address;
}

/** True for 127.0.0.0/8, also written as IPv4-mapped IPv6, and for ::1. */
export function isLoopback(host: string): boolean {
  const plain = host.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');
  return plain === '::1' || (isIPv4(plain) && plain.startsWith('127.'));
}

/** True for 224.0.0.0/4 and ff00::/8. */
export function isMulticast(host: string): boolean {
  if (isIPv4(host)) return Number(host.split('.')[0]) >= 224 && Number(host.split('.')[0]) < 240;
  return isIPv6(host) && /^ff/i.test(host);
}

/** How a host name becomes an address: the system's resolver, or something else in a test. */
export type ResolveHost = (host: string, family: 0 | 4 | 6) => Promise<string>;

export const systemResolver: ResolveHost = async (host, family) => (await lookup(host, { family })).address;
