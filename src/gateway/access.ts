import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isLoopback } from '../config/loopback.js';
import { readText } from '../config/read-text.js';
import { MurkyError } from '../errors.js';

export const MIN_TOKEN_CHARACTERS = 16;

const MAX_TOKEN_FILE_BYTES = 4096;

/** Decides who may speak to the gateway. Immutable. */
export class Access {
  readonly #tokenHash: Buffer | undefined;

  constructor(
    token: string | null,
    private readonly configuredHost: string,
  ) {
    this.#tokenHash = token === null ? undefined : hash(token);
  }

  /** MURKY_UNAUTHORIZED unless the request has the token (RFC 6750 section 2.1), where there is one. */
  checkToken(request: IncomingMessage): void {
    if (this.#tokenHash === undefined) return;
    const given = /^Bearer +([^ ]+) *$/i.exec(request.headers.authorization ?? '')?.[1];
    // Hashes have one length, so that the comparison tells nothing of the token's.
    if (given !== undefined && timingSafeEqual(hash(given), this.#tokenHash)) return;
    throw new MurkyError(
      'MURKY_UNAUTHORIZED',
      given === undefined ? 'This node asks for its access token.' : 'The access token is not the one of this node.',
      { hint: 'Send the header "Authorization: Bearer TOKEN" with the first line of the http.access-token-file.' },
    );
  }

  /**
   * MURKY_FORBIDDEN for a Host that a browser was tricked into. A page of evil.example whose name is made to resolve to
   * 127.0.0.1 (DNS rebinding) is same-origin to the browser, and only the Host header still says where it came from.
   * A token stops such a page as well; then any Host will do.
   */
  checkHost(request: IncomingMessage, authority: string | undefined): void {
    const hosts = request.rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'host').length;
    // RFC 9112 section 3.2: no Host, or more than one, is a bad request. HTTP/1.0 may come without.
    if (hosts > 1 || (hosts === 0 && request.httpVersion !== '1.0')) {
      throw new MurkyError('MURKY_BAD_REQUEST', `The request has ${hosts} Host headers; HTTP/1.1 asks for one.`);
    }
    const host = authority ?? request.headers.host;
    if (this.#tokenHash !== undefined || host === undefined) return;
    const name = host.replace(/:[0-9]*$/, '').replace(/^\[(.*)\]$/, '$1');
    if (isLoopback(name) || name.toLowerCase() === this.configuredHost.toLowerCase()) return;
    throw new MurkyError('MURKY_FORBIDDEN', `This node is not called ${host.slice(0, 60)}.`, {
      hint: 'Call it localhost or by its loopback address, or configure an access token.',
    });
  }

  /**
   * MURKY_FORBIDDEN for a write that a page of another site makes a browser send. Programs send neither header.
   * Sec-Fetch-Site is set by the browser alone (W3C Fetch Metadata); Origin is the sign of older ones.
   */
  checkOrigin(request: IncomingMessage, authority: string | undefined): void {
    const site = request.headers['sec-fetch-site'];
    const { origin } = request.headers;
    const host = authority ?? request.headers.host;
    const own = site === undefined ? origin === undefined || sameHost(origin, host) : OWN_SITES.has(String(site));
    if (own) return;
    throw new MurkyError('MURKY_FORBIDDEN', 'A page of another site may not write here.', {
      hint: 'Write from a page of this gateway, or from a program.',
    });
  }
}

/** 'none' is the person at the address bar; 'same-site' is another port or subdomain, and so another origin. */
const OWN_SITES = new Set(['same-origin', 'none']);

function sameHost(origin: string, host: string | undefined): boolean {
  return origin.toLowerCase() === `http://${host}`.toLowerCase();
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

/** The first line of the token file. MURKY_BAD_CONFIG if it is missing, or no token. */
export function readAccessToken(path: string): string {
  const hint = 'Make one with: openssl rand -hex 32';
  const read = readText(path, MAX_TOKEN_FILE_BYTES) ?? { mistake: 'does not exist' };
  if ('mistake' in read) {
    throw new MurkyError('MURKY_BAD_CONFIG', `${path} (http.access-token-file) ${read.mistake}.`, { hint });
  }
  const token = (read.text.split('\n')[0] ?? '').trim();
  // RFC 6750 section 2.1: what a bearer token may consist of.
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(token) || token.length < MIN_TOKEN_CHARACTERS) {
    const sentence =
      `The first line of ${path} (http.access-token-file) is no access token: ` +
      `at least ${MIN_TOKEN_CHARACTERS} letters, digits or -._~+/ are allowed.`;
    throw new MurkyError('MURKY_BAD_CONFIG', sentence, { hint });
  }
  return token;
}
