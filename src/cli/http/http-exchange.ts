import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isMurkyError, MurkyError } from '../../errors.js';
import { brokenOff, unreachable } from './node-failure.js';

/** How long to wait for "100 Continue" from something that has never heard of it (RFC 9110, section 10.1.1). */
const CONTINUE_WAIT_MS = 1000;

export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: Readable | undefined;
  /** Gives up (MURKY_TIMEOUT) when the node has let nothing move for so long; a slow reader or source of ours is free. */
  readonly idleTimeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * One request to a node. Resolves with the head of the answer, of whatever status; its body is a stream that fails
 * with a MurkyError. A body is sent after "100 Continue", and no further once the node has refused it.
 */
export function exchange(url: URL, what: Exchange): Promise<IncomingMessage> {
  const { body, signal, idleTimeoutMs } = what;
  const prefix = url.pathname.replace(/\/$/, ''); // of a proxy that has the node below a path
  const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const headers = body ? { ...what.headers, expect: '100-continue' } : what.headers;
  const request = start(url, {
    method: what.method,
    path: prefix + what.path,
    headers,
    timeout: idleTimeoutMs,
    signal,
  });

  return new Promise((resolve, reject) => {
    let answer: IncomingMessage | undefined;
    let connected = false;
    let sending = false;
    request.on('response', (head) => {
      answer = head;
      resolve(head);
      if (request.writableFinished) return;
      // Refused before all was sent: what is left of the body has nowhere to go.
      body?.destroy();
      head.once('close', () => request.destroy());
    });
    request.on('error', (failure) => {
      // A body that fails only ends the connection, in the eyes of the request.
      const error = isMurkyError(body?.errored) ? body.errored : failure;
      body?.destroy();
      if (!answer) reject(connected ? brokenOff(url, error) : unreachable(url, error));
    });
    request.on('timeout', () => {
      const waitsForUs = answer
        ? answer.readableLength > 0
        : sending && !request.writableEnded && unsent(request) === 0;
      if (!waitsForUs) (answer ?? request).destroy(silent(url, idleTimeoutMs));
    });
    request.once('socket', (socket) => {
      // Node writes a head with "Expect" as text, so that the bytes of a header above ASCII would become others.
      socket.setDefaultEncoding('latin1');
      const onConnected = () => {
        connected = true;
        if (body) setTimeout(sendBody, CONTINUE_WAIT_MS).unref();
      };
      if (socket.connecting) socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', onConnected);
      else onConnected();
    });
    const sendBody = () => {
      if (sending || answer || !body || request.destroyed) return;
      sending = true;
      // Its failure ends the request too, and is told there.
      pipeline(body, request).catch(() => {});
    };
    request.on('continue', sendBody);
    if (body) request.flushHeaders();
    else request.end();
  });
}

function unsent(request: ClientRequest): number {
  return request.writableLength + (request.socket?.writableLength ?? 0);
}

function silent(url: URL, idleTimeoutMs: number): MurkyError {
  return new MurkyError('MURKY_TIMEOUT', `The node at ${url.origin} has been silent for ${idleTimeoutMs / 1000} s.`, {
    hint: 'Look at its log, or allow it more with --timeout.',
  });
}
