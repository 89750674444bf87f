import type { OutgoingHttpHeaders } from 'node:http';
import { MurkyError } from '../errors.js';
import type { ReadOptions, WriteResult } from '../node/contract.js';
import { versionToText } from '../object/version.js';
import type { GatewayNode } from './contract.js';
import type { Exchange } from './exchange.js';
import { etag, metadataOf, objectHeaders } from './object-headers.js';
import { type Selection, select, writeCondition } from './preconditions.js';
import { RequestBody, tooLarge } from './request-body.js';

export async function getObject(
  node: GatewayNode,
  exchange: Exchange,
  key: string,
  options: ReadOptions,
): Promise<void> {
  const { headers } = exchange.request;
  let selection: Selection | undefined;
  const found = await node.get(key, {
    ...options,
    signal: exchange.signal,
    choose: (manifest) => {
      selection = select(headers, etag(manifest), manifest.size, 'GET');
      return selection.status === 304 ? 'none' : selection;
    },
  });
  const { manifest, body, source } = found;
  selection ??= select(headers, etag(manifest), manifest.size, 'GET');
  const common = { ...objectHeaders(manifest), 'x-murky-source': source };
  if (selection.status === 304) return exchange.answer({ status: 304, headers: common, body: '' });
  const { status, start, end } = selection;
  const length = end - start;
  const pieces = body[Symbol.asyncIterator]();
  // The first piece comes before the headers: a fetch that fails at its start is then a 503 and not a cut 200.
  const first = await pieces.next();
  exchange.begin(status, {
    ...common,
    'content-length': length,
    ...(status === 206 ? { 'content-range': `bytes ${start}-${end - 1}/${manifest.size}` } : {}),
  });
  return exchange.stream(pieces, first, length);
}

export async function headObject(
  node: GatewayNode,
  exchange: Exchange,
  key: string,
  options: ReadOptions,
): Promise<void> {
  const manifest = await node.head(key, { ...options, signal: exchange.signal });
  const { status } = select(exchange.request.headers, etag(manifest), manifest.size, 'HEAD');
  const length = status === 304 ? {} : { 'content-length': manifest.size };
  exchange.begin(status, { ...objectHeaders(manifest), ...length });
  exchange.response.end();
}

/**
 * Streams the body into the node. `sendContinue` is called when the node asks for the first byte, so that what is
 * refused before never crosses the wire (RFC 9110 section 10.1.1).
 */
export async function putObject(
  node: GatewayNode,
  exchange: Exchange,
  key: string,
  maxObjectBytes: number,
  sendContinue: () => void,
): Promise<void> {
  const { headers } = exchange.request;
  const length = bodyLength(headers['content-length'], headers['transfer-encoding'], maxObjectBytes);
  const condition = writeCondition(headers);
  const body = new RequestBody(exchange, maxObjectBytes, sendContinue);
  let result: WriteResult;
  try {
    result = await node.put(key, body, {
      ...condition,
      metadata: metadataOf(headers),
      signal: exchange.signal,
      ...(length === undefined ? {} : { length }),
    });
  } finally {
    body.stop(new MurkyError('MURKY_CLOSED', 'The write has ended.'));
  }
  const { manifest, durable, owners, quorum, ordered, overtaken, replaced } = result;
  const document = {
    key: manifest.key,
    id: manifest.id.toString(),
    version: versionToText(manifest.version),
    size: manifest.size,
    sha256: Buffer.from(manifest.sha256).toString('hex'),
    durable,
    owners,
    quorum,
    ordered,
    ...(overtaken && { overtaken: versionToText(overtaken) }),
  };
  await exchange.answer({
    status: replaced ? 200 : 201,
    headers: { 'content-type': 'application/json', etag: etag(manifest), ...writeHeaders(result) },
    body: `${JSON.stringify(document)}\n`,
  });
}

export async function deleteObject(node: GatewayNode, exchange: Exchange, key: string): Promise<void> {
  const condition = writeCondition(exchange.request.headers);
  const result = await node.delete(key, { ...condition, signal: exchange.signal });
  await exchange.answer({ status: 204, headers: writeHeaders(result), body: '' });
}

function writeHeaders({ manifest, durable, owners, quorum, ordered, overtaken }: WriteResult): OutgoingHttpHeaders {
  return {
    'x-murky-id': manifest.id.toString(),
    'x-murky-version': versionToText(manifest.version),
    'x-murky-durable': durable,
    'x-murky-owners': owners,
    'x-murky-quorum': quorum,
    'x-murky-ordered': String(ordered),
    ...(overtaken && { 'x-murky-overtaken': versionToText(overtaken) }),
  };
}

/** The announced length, undefined for a chunked body. MURKY_LENGTH_REQUIRED, MURKY_TOO_LARGE, MURKY_NOT_SUPPORTED. */
function bodyLength(length: string | undefined, coding: string | undefined, maxBytes: number): number | undefined {
  if (coding !== undefined) {
    if (coding.trim().toLowerCase() === 'chunked') return undefined;
    // RFC 9112 section 6.1: storing a body in a coding that nobody takes off again would be storing another body.
    throw new MurkyError('MURKY_NOT_SUPPORTED', `The transfer coding ${coding.slice(0, 60)} is not known.`, {
      hint: 'Send the body with Content-Length, or chunked.',
    });
  }
  if (length === undefined) {
    throw new MurkyError('MURKY_LENGTH_REQUIRED', 'The request has no body: neither Content-Length nor chunks.', {
      hint: 'Send a file with curl -T FILE; an empty object has Content-Length: 0.',
    });
  }
  const bytes = Number(length);
  if (bytes > maxBytes) throw tooLarge(maxBytes);
  return bytes;
}
