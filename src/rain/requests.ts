import { ERROR_CODES, type ErrorCode, isMurkyError, MurkyError } from '../errors.js';
import type { NativeLoop } from '../native/addon.js';
import type { Log } from '../seam/log.js';
import type { Random } from '../seam/random.js';
import { formatAddress } from './address.js';
import { type Address, RequestKind, type RequestOptions } from './contract.js';

/** Bytes behind the first one of a request (its kind) or of an answer (its status). */
export const MAX_BODY_BYTES = 1331;
export const DEFAULT_TIMEOUT_MS = 2000;
/** The loop's own limit. */
const MAX_TIMEOUT_MS = 60 * 60 * 1000;
/** Handlers that run at once; a request beyond them is answered with MURKY_BUSY. */
const MAX_RUNNING_HANDLERS = 1024;
const STATUS_OK = 0;
const STATUS_ERROR = 1;

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
 * and a body. An answer is 0 and a body, or 1, the length of an error code (1 byte), the code, and a sentence in UTF-8.
 */
export class Requests {
  readonly #waiting = new Map<bigint, Waiting>();
  readonly #handlers = new Map<number, RequestHandler>();
  #running = 0;
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
      const onAbort = () => this.#take(id)?.reject(signal?.reason);
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
    if (this.#running >= MAX_RUNNING_HANDLERS) {
      return errorAnswer('MURKY_BUSY', `The server answers ${MAX_RUNNING_HANDLERS} requests already.`);
    }
    this.#running++;
    try {
      const body = await handler(payload.subarray(1), from);
      if (body.length > MAX_BODY_BYTES) throw new Error(`The answer has ${body.length} bytes.`);
      return Buffer.concat([Buffer.from([STATUS_OK]), body]);
    } catch (error) {
      if (isMurkyError(error)) return errorAnswer(error.code, error.message);
      this.log.error(
        { err: error, kind: RequestKind[kind], from: formatAddress(from) },
        'A request could not be answered.',
      );
      return errorAnswer('MURKY_INTERNAL', 'The server failed to answer; its log says why.');
    } finally {
      this.#running--;
    }
  }

  #take(id: bigint): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }
}

function errorAnswer(code: ErrorCode, sentence: string): Buffer {
  const head = Buffer.from([STATUS_ERROR, code.length, ...Buffer.from(code, 'latin1')]);
  const room = MAX_BODY_BYTES + 1 - head.length;
  let text = Buffer.from(sentence, 'utf8');
  if (text.length > room) {
    let end = room;
    while (end > 0 && ((text[end] ?? 0) & 0xc0) === 0x80) end--; // not within a character
    text = text.subarray(0, end);
  }
  return Buffer.concat([head, text]);
}

/** The body of an answer; throws the error that it carries, or MURKY_BAD_MESSAGE. */
function openAnswer(payload: Uint8Array, from: Address): Uint8Array {
  const status = payload[0];
  if (status === STATUS_OK) return payload.subarray(1);
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const codeEnd = 2 + (bytes[1] ?? 0);
  const code = bytes.toString('latin1', 2, codeEnd);
  if (status !== STATUS_ERROR || codeEnd > bytes.length || !Object.hasOwn(ERROR_CODES, code)) {
    throw new MurkyError('MURKY_BAD_MESSAGE', `${formatAddress(from)} sent an answer that makes no sense.`);
  }
  throw new MurkyError(code as ErrorCode, bytes.toString('utf8', codeEnd), {
    facts: { address: formatAddress(from) },
  });
}
