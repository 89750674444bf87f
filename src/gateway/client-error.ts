import type { Socket } from 'node:net';
import { type ErrorCode, MurkyError } from '../errors.js';
import type { Exchange } from './exchange.js';
import { problem } from './problem.js';

const REFUSALS: Record<string, readonly [ErrorCode, string]> = {
  HPE_INVALID_URL: [
    'MURKY_BAD_REQUEST',
    'The path has a character that must be percent-encoded: a space, a control character or anything outside ASCII.',
  ],
  HPE_HEADER_OVERFLOW: ['MURKY_HEADERS_TOO_LARGE', 'The request line and headers are too long.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['MURKY_TOO_LARGE', 'The chunk extensions are too long.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['MURKY_REQUEST_TIMEOUT', 'The headers took too long to come.'],
};

/**
 * Answers bytes that are no HTTP request, for which Node has no response object. Where an answer would fall into the
 * middle of one that is under way, or before one that is still owed, the connection is closed without words.
 */
export function refuseConnection(
  error: NodeJS.ErrnoException,
  socket: Socket,
  owed: ReadonlySet<Exchange>,
  lingerMs: number,
): void {
  const answerable = [...owed].every(({ request, response }) => !request.complete && !response.headersSent);
  if (error.code === 'ECONNRESET' || !socket.writable || owed.size > 1 || !answerable) {
    socket.destroy();
    return;
  }
  const [code, sentence] = REFUSALS[error.code ?? ''] ?? [
    'MURKY_BAD_REQUEST',
    'This is not a well-formed HTTP request.',
  ];
  const { status, headers, body } = problem(new MurkyError(code, sentence));
  const lines = Object.entries({ ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' });
  const reason = JSON.parse(body) as { title: string };
  socket.end(
    `HTTP/1.1 ${status} ${reason.title}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  );
  // The client closes when it has read this; one that does not is not waited for.
  socket.setTimeout(lingerMs, () => socket.destroy());
}
