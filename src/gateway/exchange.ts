import { once } from 'node:events';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { MurkyError } from '../errors.js';
import type { Clock } from '../seam/clock.js';
import type { GatewayLimits } from './limits.js';
import type { WholeAnswer } from './problem.js';

/** On every answer: nothing is guessed about a body's type, and no page of another origin embeds it. */
const COMMON_HEADERS = { 'x-content-type-options': 'nosniff', 'cross-origin-resource-policy': 'same-origin' };

const SMALL_BODY_BYTES = 64 * 1024;

/**
 * One request and its answer. Knows whose turn it is: while the gateway waits for the client (more of an upload, room
 * for more of a download) an idle connection is ended; while it waits for the node it is not.
 */
export class Exchange {
  readonly #abort = new AbortController();
  #resolveEnded = () => {};
  /** Called when the client was idle for too long in its turn. */
  #onIdle: (() => void) | undefined;
  bytesSent = 0;

  constructor(
    readonly request: IncomingMessage,
    readonly response: ServerResponse,
    readonly limits: Pick<GatewayLimits, 'clientIdleMs' | 'lingerMs'>,
    private readonly clock: Clock,
  ) {
    response.once('close', () => this.end(new MurkyError('MURKY_CLOSED', 'The client hung up.')));
    // Node raises this after `clientIdleMs` without a byte in either direction, and not for a write that makes progress.
    response.on('timeout', () => {
      if (this.#onIdle !== undefined) this.#onIdle();
      else this.#restartIdleTimer();
    });
  }

  /** Aborts when the client hangs up before it has the whole answer, or when the gateway is done waiting. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Resolves when the answer has been sent, or never will be. */
  readonly ended = new Promise<void>((resolve) => {
    this.#resolveEnded = resolve;
  });

  /** Marks the exchange as over; what still runs for an answer that is not sent whole is aborted with the reason. */
  end(reason: MurkyError): void {
    if (!this.response.writableFinished) this.#abort.abort(reason);
    this.#resolveEnded();
  }

  /** Waits for the client. */
  async clientsTurn<T>(wait: Promise<T>, onIdle = () => this.#cutIdle()): Promise<T> {
    this.#restartIdleTimer();
    this.#onIdle = onIdle;
    try {
      return await wait;
    } finally {
      this.#onIdle = undefined;
    }
  }

  #cutIdle(): void {
    this.end(new MurkyError('MURKY_REQUEST_TIMEOUT', 'The client stopped reading.'));
    this.response.destroy();
  }

  #restartIdleTimer(): void {
    this.request.socket.setTimeout(this.limits.clientIdleMs);
  }

  /**
   * True while the client may still be sending much that nobody reads. A small body is read over by Node and the
   * connection lives on; after `Expect` it is not known whether one will come at all.
   */
  get #bodyPending(): boolean {
    const { headers, complete } = this.request;
    if (complete) return false;
    return (
      headers['transfer-encoding'] !== undefined ||
      headers.expect !== undefined ||
      Number(headers['content-length'] ?? 0) > SMALL_BODY_BYTES
    );
  }

  begin(status: number, headers: OutgoingHttpHeaders): void {
    this.response.writeHead(status, { ...COMMON_HEADERS, ...headers });
  }

  /** Answers with a body that is at hand. Resolves when the client has it, or is gone. */
  async answer({ status, headers, body }: WholeAnswer): Promise<void> {
    if (this.response.destroyed) return;
    const length = { 'content-length': Buffer.byteLength(body) };
    this.bytesSent += length['content-length'];
    if (!this.#bodyPending) {
      this.begin(status, { ...headers, ...(status === 204 || status === 304 ? {} : length) });
      this.response.end(body);
      return this.#finished();
    }
    // RFC 9112 section 9.6: closing a connection on which the client still sends makes its system throw away what it
    // has received and not read, the answer with it. So the answer goes out whole, what still comes is thrown away
    // for a bounded time, and only then the connection is closed.
    this.begin(status, { ...headers, ...length, connection: 'close' });
    this.response.write(body);
    if (this.request.method === 'HEAD' || body === '') this.response.flushHeaders();
    await this.#discardBody();
    this.response.end();
    return this.#finished();
  }

  async #discardBody(): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.clock.after(this.limits.lingerMs, resolve);
      const done = () => {
        cancel();
        resolve();
      };
      this.request.once('close', done).resume();
      this.signal.addEventListener('abort', done, { once: true });
    });
  }

  /**
   * Sends a body piece by piece, each asked for only when the one before it has left for the socket. `length` is what
   * Content-Length promised. If the pieces fail, or are fewer or more, the connection is destroyed: the client sees
   * that the body was cut, never a short one that looks whole. Rejects with what went wrong.
   */
  async stream(pieces: AsyncIterator<Uint8Array>, first: IteratorResult<Uint8Array>, length?: number): Promise<void> {
    const { response } = this;
    try {
      for (let piece = first; !piece.done; piece = await pieces.next()) {
        this.signal.throwIfAborted();
        this.bytesSent += piece.value.length;
        if (length !== undefined && this.bytesSent > length) break;
        if (piece.value.length > 0 && !response.write(piece.value)) {
          await this.clientsTurn(once(response, 'drain', { signal: this.signal }));
        }
      }
      if (length !== undefined && this.bytesSent !== length) {
        throw new Error(`the node gave ${this.bytesSent} bytes for a body of ${length}`);
      }
      response.end();
      await this.#finished();
    } catch (error) {
      response.destroy();
      // Not awaited: a generator that waits for the network would make its caller wait as well.
      Promise.resolve(pieces.return?.()).catch(() => {});
      throw error;
    }
  }

  async #finished(): Promise<void> {
    if (this.response.writableFinished) return;
    await this.clientsTurn(once(this.response, 'finish', { signal: this.signal })).catch(() => {});
  }
}
