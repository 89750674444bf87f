import { type IncomingHttpHeaders, type OutgoingHttpHeaders, validateHeaderValue } from 'node:http';
import { MurkyError } from '../errors.js';
import { MAX_METADATA_BYTES, type Manifest } from '../object/manifest.js';
import { versionToText } from '../object/version.js';

/** Request headers that a PUT keeps and a GET gives back: RFC 9110 section 8, RFC 6266. */
const KEPT_HEADERS = ['content-type', 'content-encoding', 'content-language', 'content-disposition'] as const;

export function etag(manifest: Manifest): string {
  return `"${Buffer.from(manifest.sha256).toString('hex')}"`;
}

/** The metadata of an object that comes with these headers. MURKY_HEADERS_TOO_LARGE if it is too much. */
export function metadataOf(headers: IncomingHttpHeaders): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = headers[name];
    if (value) metadata[name] = textOf(value);
  }
  const bytes = Object.entries(metadata).reduce((sum, pair) => sum + Buffer.byteLength(pair.join('')), 0);
  if (bytes > MAX_METADATA_BYTES) {
    const sentence = `The headers kept with an object have ${bytes} bytes; at most ${MAX_METADATA_BYTES} are allowed.`;
    throw new MurkyError('MURKY_HEADERS_TOO_LARGE', sentence);
  }
  return metadata;
}

/** The headers that metadata travels in, of an object to a client or of a client to a node. */
export function metadataHeaders(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = Object.hasOwn(metadata, name) ? bytesOf(metadata[name]!) : '';
    if (isHeaderValue(name, value)) headers[name] = value;
  }
  return headers;
}

/** Headers of a version, whatever its transport; Content-Length and Content-Range are the selection's. */
export function objectHeaders(manifest: Manifest): OutgoingHttpHeaders {
  return {
    'content-type': 'application/octet-stream',
    ...metadataHeaders(manifest.metadata),
    etag: etag(manifest),
    'accept-ranges': 'bytes',
    // Without it a cache may guess for how long a copy is fresh; with it every use is checked by ETag.
    'cache-control': 'no-cache',
    // A stored page must not run as the gateway's own: no scripts, no forms, an origin of its own.
    'content-security-policy': 'sandbox',
    'x-murky-id': manifest.id.toString(),
    'x-murky-version': versionToText(manifest.version),
  };
}

/**
 * A header is bytes, which Node shows as ISO 8859-1. Whoever sends more than ASCII means UTF-8, or else 8859-1, as HTTP
 * did once (RFC 9110 section 5.5).
 */
function textOf(value: string): string {
  const bytes = Buffer.from(value, 'latin1');
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : value;
}

function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** Metadata written through the library may hold what HTTP cannot carry. */
function isHeaderValue(name: string, value: string): boolean {
  try {
    validateHeaderValue(name, value);
    return value !== '';
  } catch {
    return false;
  }
}
