import type { Socket } from 'node:net';
import { MurkyError } from '../errors.js';
import type { Exchange } from './exchange.js';

/** Requests that are not yet answered in full, by connection and in the order in which they came. */
export class Connections {
  readonly #queues = new Map<Socket, Set<Exchange>>();

  /** A connection with more requests under way than `maxPipelined` is closed. */
  constructor(private readonly maxPipelined: number) {}

  /**
   * Resolves when it is this request's turn. Node hands on pipelined requests all at once; a GET behind a PUT must see
   * what the PUT wrote, so they are served one after the other (RFC 9112 section 9.3.2).
   */
  async turn(exchange: Exchange): Promise<void> {
    const { socket } = exchange.request;
    const queue = this.#queues.get(socket) ?? this.#open(socket);
    const before = [...queue].at(-1);
    queue.add(exchange);
    void exchange.ended.then(() => queue.delete(exchange));
    if (queue.size > this.maxPipelined) socket.destroy();
    await before?.ended;
    exchange.signal.throwIfAborted();
  }

  on(socket: Socket): ReadonlySet<Exchange> {
    return this.#queues.get(socket) ?? new Set();
  }

  /** Makes the answers that have not begun the last ones of their connections. */
  announceClose(): void {
    for (const queue of this.#queues.values()) {
      const last = [...queue].at(-1);
      if (last !== undefined && !last.response.headersSent) last.response.shouldKeepAlive = false;
    }
  }

  cutAll(): void {
    const reason = new MurkyError('MURKY_CLOSED', 'The gateway is closing.');
    for (const [socket, queue] of this.#queues) {
      for (const exchange of [...queue]) exchange.end(reason);
      socket.destroy();
    }
  }

  #open(socket: Socket): Set<Exchange> {
    const queue = new Set<Exchange>();
    this.#queues.set(socket, queue);
    socket.once('close', () => {
      this.#queues.delete(socket);
      // Node tells the response under way, but not those that are queued behind it.
      for (const exchange of [...queue]) exchange.end(new MurkyError('MURKY_CLOSED', 'The client hung up.'));
    });
    return queue;
  }
}
