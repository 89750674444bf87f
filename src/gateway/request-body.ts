import type { IncomingMessage } from 'node:http';
import { MurkyError } from '../errors.js';
import type { Exchange } from './exchange.js';

/**
 * The body of a PUT as the node reads it. Nothing is read ahead of the node but what Node's stream buffers (64 KiB);
 * then the socket is no longer read and TCP holds the client back. Unlike IncomingMessage's own iterator it does not
 * destroy the connection when the node leaves early, so that an answer can still be sent.
 */
export class RequestBody implements AsyncIterable<Uint8Array> {
  readonly #request: IncomingMessage;
  #wake: (() => void) | undefined;
  #failure: MurkyError | undefined;
  #bytes = 0;

  /**
   * `onFirstRead` runs when the node first asks for bytes: the moment to send 100 Continue. A body of more than
   * `maxBytes` makes the iteration throw MURKY_TOO_LARGE.
   */
  constructor(
    private readonly exchange: Exchange,
    private readonly maxBytes: number,
    private readonly onFirstRead: () => void,
  ) {
    this.#request = exchange.request;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const request = this.#request;
    this.onFirstRead();
    const wake = () => this.#wake?.();
    const events = ['readable', 'end', 'close', 'error'] as const;
    for (const event of events) request.on(event, wake);
    try {
      for (;;) {
        if (this.#failure !== undefined) throw this.#failure;
        const chunk = request.read() as Buffer | null;
        if (chunk !== null) {
          this.#bytes += chunk.length;
          if (this.#bytes > this.maxBytes) throw tooLarge(this.maxBytes);
          yield chunk;
        } else if (request.readableEnded) {
          return;
        } else if (request.destroyed) {
          throw new MurkyError('MURKY_CLOSED', 'The client hung up in the middle of the body.');
        } else {
          await this.exchange.clientsTurn(this.#nextEvent(), () => this.#timeOut());
        }
      }
    } finally {
      for (const event of events) request.off(event, wake);
    }
  }

  /** Makes a read that waits, and every later one, throw. */
  stop(failure: MurkyError): void {
    this.#failure ??= failure;
    this.#wake?.();
  }

  #nextEvent(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #timeOut(): void {
    this.stop(
      new MurkyError('MURKY_REQUEST_TIMEOUT', 'No byte of the body came for too long.', {
        hint: `A slow upload is welcome; one that stands still for ${this.exchange.limits.clientIdleMs} ms is ended.`,
      }),
    );
  }
}

export function tooLarge(maxBytes: number): MurkyError {
  return new MurkyError('MURKY_TOO_LARGE', `The body is larger than the ${maxBytes} bytes that this node takes.`, {
    hint: 'Cut the object, or raise http.max-object-bytes.',
    facts: { maxBytes },
  });
}
