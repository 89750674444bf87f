import { type IncomingHttpHeaders, type OutgoingHttpHeaders, validateHeaderValue } from 'node:http';
import { MurkyError } from '../errors.js';
import { MAX_METADATA_BYTES, type Manifest } from '../object/manifest.js';
import { versionToText } from '../object/version.js';

/** Request headers that a PUT keeps and a GET gives back: RFC 9110 section 8, RFC 6266. */
const KEPT_HEADERS = ['content-type', 'content-encoding', 'content-language', 'content-disposition'] as const;

export function etag(manifest: Manifest): string {
  return `"${Buffer.from(manifest.sha256).toString('hex')}"`;
}

/** The metadata of an object that is put with these headers. MURKY_HEADERS_TOO_LARGE if it is too much. */
export function metadataOf(headers: IncomingHttpHeaders): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = headers[name];
    if (value) metadata[name] = value;
  }
  const bytes = Object.entries(metadata).reduce((sum, pair) => sum + Buffer.byteLength(pair.join('')), 0);
  if (bytes > MAX_METADATA_BYTES) {
    const sentence = `The headers kept with an object have ${bytes} bytes; at most ${MAX_METADATA_BYTES} are allowed.`;
    throw new MurkyError('MURKY_HEADERS_TOO_LARGE', sentence);
  }
  return metadata;
}

/** Headers of a version, whatever its transport; Content-Length and Content-Range are the selection's. */
export function objectHeaders(manifest: Manifest): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { 'content-type': 'application/octet-stream' };
  for (const name of KEPT_HEADERS) {
    const value = manifest.metadata[name];
    if (value !== undefined && isHeaderValue(name, value)) headers[name] = value;
  }
  return {
    ...headers,
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

/** Metadata written through the library may hold what HTTP cannot carry. */
function isHeaderValue(name: string, value: string): boolean {
  try {
    validateHeaderValue(name, value);
    return value !== '';
  } catch {
    return false;
  }
}
