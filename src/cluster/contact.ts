import { isIP } from 'node:net';
import { MurkyError } from '../errors.js';
import type { Address } from '../rain/contract.js';
import { type OctetReader, OctetWriter } from './octets.js';

/** Where a peer is said to be. `host` may be a name; an {@link Address} has been resolved. */
export interface Contact {
  readonly host: string;
  readonly port: number;
}

const MAX_HOST_BYTES = 253; // of a domain name: RFC 1035, section 2.3.4
/** In a message. */
export const MAX_CONTACT_BYTES = 1 + MAX_HOST_BYTES + 2;
const HOST = /^[0-9A-Za-z._:-]+$/;

/** `host:port`, or `[host]:port` where the host is an IPv6 address. */
export function contactText(contact: Contact): string {
  return contact.host.includes(':') ? `[${contact.host}]:${contact.port}` : `${contact.host}:${contact.port}`;
}

/** Parses {@link contactText}'s form; MURKY_BAD_CONFIG says what is wrong with `text`. */
export function parseContact(text: string): Contact {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):([0-9]{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (!host || !isHost(host) || !(port >= 1 && port <= 65535)) {
    throw new MurkyError('MURKY_BAD_CONFIG', `"${text}" is not an address; it is written host:port or [IPv6]:port.`);
  }
  return { host, port };
}

export function isHost(host: string): boolean {
  return (
    host.length > 0 && host.length <= MAX_HOST_BYTES && HOST.test(host) && (!host.includes(':') || isIP(host) === 6)
  );
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.port === b.port && a.host === b.host;
}

/** 127.0.0.0/8 and ::1: means another machine to everyone who is not on this one. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** A contact in a message: length of the host in bytes (1), host, port (2). */
export function encodeContact(contact: Contact): Buffer {
  return writeContact(new OctetWriter(MAX_CONTACT_BYTES), contact).end();
}

export function writeContact(writer: OctetWriter, contact: Contact): OctetWriter {
  return writer.text(contact.host).u16(contact.port);
}

export function decodeContact(reader: OctetReader): Contact {
  const host = reader.take(reader.u8()).toString('latin1');
  if (!isHost(host)) throw reader.fail('a host is neither a name nor an IP address');
  const port = reader.u16();
  if (port === 0) throw reader.fail('a port is 0');
  return { host, port };
}
