import { isMurkyError, MurkyError } from '../errors.js';
import type { NativeLoop } from '../native/addon.js';
import type { Log } from '../seam/log.js';
import type { Random } from '../seam/random.js';
import { formatAddress } from './address.js';
import { doneAnswer, errorAnswer, MAX_BODY_BYTES, openAnswer } from './answer.js';
import { type Address, RequestKind, type RequestOptions } from './contract.js';

export const DEFAULT_TIMEOUT_MS = 2000;
/** The loop's own limit. */
const MAX_TIMEOUT_MS = 60 * 60 * 1000;
/** Handlers that run at once; a request beyond them is answered with MURKY_BUSY. */
const MAX_RUNNING_HANDLERS = 1024;
/** Of one kind: where many wait for something slow, other questions are answered still. */
const MAX_RUNNING_OF_A_KIND = 512;

export type RequestHandler = (payload: Uint8Array, from: Address) => Promise<Uint8Array>;

interface Waiting {
  readonly to: Address;
  readonly kind: RequestKind;
  readonly timeoutMs: number;
  readonly resolve: (body: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Requests and their answers over the packet loop, which repeats them until answered. A request is its kind (1 byte)
 * and a body; an answer is as answer.ts says.
 */
export class Requests {
  readonly #waiting = new Map<bigint, Waiting>();
  readonly #handlers = new Map<number, RequestHandler>();
  readonly #running = new Map<number, number>();
  #closed = false;

  constructor(
    private readonly loop: NativeLoop,
    private readonly random: Random,
    private readonly log: Log,
  ) {}

  handle(kind: RequestKind, handler: RequestHandler): void {
    this.#handlers.set(kind, handler);
  }

  /** `to` has a numeric host. */
  send(to: Address, kind: RequestKind, body: Uint8Array, options: RequestOptions = {}): Promise<Uint8Array> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) throw signal.reason;
      if (body.length > MAX_BODY_BYTES) {
        throw new MurkyError(
          'MURKY_BAD_ARGUMENT',
          `A request of ${body.length} bytes is too long; at most ${MAX_BODY_BYTES} fit.`,
        );
      }
      const payload = Buffer.alloc(1 + body.length);
      payload[0] = kind;
      payload.set(body, 1);
      let id = this.random.bits64();
      while (this.#waiting.has(id)) id = this.random.bits64();
      const wholeMs = Math.max(1, Math.min(MAX_TIMEOUT_MS, Math.ceil(timeoutMs)));
      if (!this.loop.request(id, to.host, to.port, payload, wholeMs)) {
        throw new MurkyError('MURKY_BUSY', 'Too many requests wait for an answer already.', {
          hint: 'Try again once some of them have been answered.',
        });
      }
      const onAbort = () => {
        const waiting = this.#take(id);
        if (!waiting) return;
        this.loop.cancelRequest(id, to.host, to.port); // else it would take up room until its time is over
        waiting.reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const settle =
        <T>(run: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener('abort', onAbort);
          run(value);
        };
      this.#waiting.set(id, { to, kind, timeoutMs: wholeMs, resolve: settle(resolve), reject: settle(reject) });
    });
  }

  onResponse(id: bigint, payload: Uint8Array): void {
    const waiting = this.#take(id); // unknown: aborted since
    if (!waiting) return;
    try {
      waiting.resolve(openAnswer(payload, waiting.to));
    } catch (error) {
      waiting.reject(error);
    }
  }

  onTimeout(id: bigint): void {
    const waiting = this.#take(id);
    waiting?.reject(
      new MurkyError('MURKY_TIMEOUT', `${formatAddress(waiting.to)} did not answer within ${waiting.timeoutMs} ms.`, {
        hint: 'See that it runs, that UDP reaches it, and that both sides have the same cluster key.',
        facts: {
          address: formatAddress(waiting.to),
          request: RequestKind[waiting.kind],
          timeoutMs: waiting.timeoutMs,
        },
      }),
    );
  }

  async onRequest(handle: bigint, from: Address, payload: Uint8Array): Promise<void> {
    const answer = await this.#answer(from, payload);
    if (!this.#closed) this.loop.respond(handle, answer);
  }

  /** Rejects what waits; handlers that still run answer nobody. */
  close(error: MurkyError): void {
    this.#closed = true;
    for (const id of [...this.#waiting.keys()]) this.#take(id)?.reject(error);
  }

  async #answer(from: Address, payload: Uint8Array): Promise<Buffer> {
    const kind = payload[0] ?? 0;
    const handler = this.#handlers.get(kind);
    if (!handler) return errorAnswer('MURKY_BAD_REQUEST', `Requests of kind ${kind} are not answered here.`);
    const ofKind = this.#running.get(kind) ?? 0;
    const all = [...this.#running.values()].reduce((sum, count) => sum + count, 0);
    if (ofKind >= MAX_RUNNING_OF_A_KIND || all >= MAX_RUNNING_HANDLERS) {
      return errorAnswer('MURKY_BUSY', 'The server answers as many requests already as it may at once.');
    }
    this.#running.set(kind, ofKind + 1);
    try {
      const body = await handler(payload.subarray(1), from);
      if (body.length > MAX_BODY_BYTES) throw new Error(`The answer has ${body.length} bytes.`);
      return doneAnswer(body);
    } catch (error) {
      if (isMurkyError(error)) return errorAnswer(error.code, error.message);
      this.log.error(
        { err: error, kind: RequestKind[kind], from: formatAddress(from) },
        'A request could not be answered.',
      );
      return errorAnswer('MURKY_INTERNAL', 'The server failed to answer; its log says why.');
    } finally {
      this.#running.set(kind, (this.#running.get(kind) ?? 1) - 1);
    }
  }

  #take(id: bigint): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }
}
