import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { MurkyConfig } from '../../src/config/contract.js';
import type { Gateway, GatewayNode } from '../../src/gateway/contract.js';
import type { GatewayLimits } from '../../src/gateway/limits.js';
import { startGateway } from '../../src/gateway/server.js';
import type { Log } from '../../src/seam/log.js';
import { MemoryNode } from './memory-node.js';

export interface Line {
  readonly level: keyof Log;
  readonly facts: Record<string, unknown>;
  readonly sentence: string;
}

export interface Running {
  readonly gateway: Gateway;
  readonly node: MemoryNode;
  readonly lines: Line[];
}

export interface StartOptions {
  readonly http?: Partial<MurkyConfig['http']>;
  readonly limits?: Partial<GatewayLimits>;
  readonly node?: GatewayNode;
}

/** A gateway on a free loopback port in front of a MemoryNode. */
export async function start(options: StartOptions = {}): Promise<Running> {
  const node = new MemoryNode();
  const lines: Line[] = [];
  const at = (level: keyof Log) => (facts: object, sentence: string) => {
    lines.push({ level, facts: facts as Record<string, unknown>, sentence });
  };
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const config = { host: '127.0.0.1', port: 0, accessTokenFile: null, maxObjectBytes: 2 ** 33, ...options.http };
  const limits = { limits: { closeMs: 500, ...options.limits } };
  return { gateway: await startGateway(options.node ?? node, config, log, limits), node, lines };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface SendOptions {
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Buffer | string | Buffer[];
}

/** One request on a connection of its own. Several buffers go out chunked; the path goes out as it is. */
export function send(gateway: Gateway, method: string, path: string, options: SendOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { host, port } = gateway;
    const request = httpRequest({ host, port, method, path, headers: options.headers ?? {}, agent: false });
    request.setTimeout(10_000, () => request.destroy(new Error(`no answer to ${method} ${path} within 10 s`)));
    request.on('error', reject);
    request.on('response', (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) });
      });
    });
    const { body } = options;
    if (Array.isArray(body)) for (const piece of body) request.write(piece);
    request.end(Array.isArray(body) || body === undefined ? undefined : body);
  });
}

/** What an answer's problem document says; throws if it is none. */
export function problemOf(answer: Answer): {
  status: number;
  title: string;
  detail: string;
  code: string;
  hint?: string;
} {
  if (answer.headers['content-type'] !== 'application/problem+json') {
    throw new Error(`not a problem document: ${answer.status} ${answer.body}`);
  }
  return JSON.parse(answer.body.toString()) as ReturnType<typeof problemOf>;
}

/** A bare connection: what is sent and what comes back, byte by byte. */
export class Wire {
  received = '';
  ended = false;
  readonly #socket: Socket;
  #wake = () => {};

  constructor(gateway: Gateway) {
    this.#socket = connect({ host: gateway.host, port: gateway.port, allowHalfOpen: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text: string) => {
      this.received += text;
      this.#wake();
    });
    for (const event of ['end', 'close', 'error']) {
      this.#socket.on(event, () => {
        this.ended = true;
        this.#wake();
      });
    }
  }

  send(text: string | Buffer): void {
    this.#socket.write(text, 'latin1');
  }

  /** Resolves when what came matches, and rejects when no more can come. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.received)) {
      if (this.ended) throw new Error(`the connection ended with ${JSON.stringify(this.received)}`);
      await this.#change();
    }
    return this.received;
  }

  /** Resolves with all that came when the other side has closed. */
  async end(): Promise<string> {
    while (!this.ended) await this.#change();
    this.#socket.destroy();
    return this.received;
  }

  hangUp(): void {
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  #change(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`nothing came for 10 s behind ${JSON.stringify(this.received.slice(-300))}`));
      }, 10_000);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Waits, at most 5 s, until something holds. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (holds()) return;
    await pause(10);
  }
  throw new Error(`never came true: ${what}`);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
