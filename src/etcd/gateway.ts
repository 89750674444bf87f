import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { MurkyError } from '../errors.js';

export interface EtcdTls {
  /** PEM. Without `ca` the system's authorities hold. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface GatewayOptions {
  /** `http://host:port` or `https://host:port`, of one etcd cluster. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls;
  readonly user?: { readonly name: string; readonly password: string };
}

const CALL_TIMEOUT_MS = 3000;
/** An answer, or one message of a stream. */
const MAX_MESSAGE_BYTES = 8 * 2 ** 20;

/** An answer of etcd that says no: its gRPC status. */
export class EtcdRefusal extends MurkyError {
  constructor(
    readonly grpcCode: number,
    reason: string,
  ) {
    super('MURKY_NO_REGISTRY', `etcd refuses: ${reason}.`, { facts: { grpcCode } });
  }
}

/**
 * JSON over HTTP with etcd's gRPC gateway (https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway). Asks the endpoint that
 * answered last, and the others in turn where it does not.
 */
export class EtcdGateway {
  #first = 0;
  #token: string | undefined;

  constructor(private readonly options: GatewayOptions) {}

  /** One call, tried once at each endpoint until one answers; `atMostOnce`: until one may have got it. */
  async call(path: string, body: object, atMostOnce = false): Promise<Record<string, unknown>> {
    const ask = async (endpoint: string) => {
      const response = await this.#post(endpoint, path, body, AbortSignal.timeout(CALL_TIMEOUT_MS));
      return opened(JSON.parse(await textOf(response)));
    };
    return this.#atAny(ask, atMostOnce);
  }

  /** Messages of one open call, until it ends. */
  async *stream(path: string, body: object, signal: AbortSignal): AsyncIterable<Record<string, unknown>> {
    const response = await this.#atAny((endpoint) => this.#post(endpoint, path, body, signal));
    let rest = '';
    try {
      for await (const chunk of response.setEncoding('utf8')) {
        rest += chunk;
        for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
          const message = opened(JSON.parse(rest.slice(0, end)));
          rest = rest.slice(end + 1);
          yield message.result as Record<string, unknown>;
        }
        if (rest.length > MAX_MESSAGE_BYTES) throw new Error('a message is too long');
      }
    } catch (error) {
      if (signal.aborted || error instanceof EtcdRefusal) throw error;
      throw unreachable(this.options.endpoints, error);
    } finally {
      response.destroy();
    }
  }

  async #atAny<T>(ask: (endpoint: string) => Promise<T>, atMostOnce = false): Promise<T> {
    const { endpoints } = this.options;
    let last: unknown;
    const first = this.#first;
    for (let i = 0; i < endpoints.length; i++) {
      const index = (first + i) % endpoints.length;
      try {
        const answer = await this.#signedIn(endpoints[index] as string, ask);
        this.#first = index;
        return answer;
      } catch (error) {
        if (error instanceof EtcdRefusal && error.grpcCode !== UNAVAILABLE) throw error;
        last = error;
        this.#first = (index + 1) % endpoints.length;
        if (atMostOnce && !wasNeverSent(error)) break;
      }
    }
    throw unreachable(endpoints, last);
  }

  /** With a token where users are configured, made anew where it has run out. */
  async #signedIn<T>(endpoint: string, ask: (endpoint: string) => Promise<T>): Promise<T> {
    const { user } = this.options;
    if (!user) return ask(endpoint);
    if (this.#token !== undefined) {
      try {
        return await ask(endpoint);
      } catch (error) {
        if (!(error instanceof EtcdRefusal) || error.grpcCode !== UNAUTHENTICATED) throw error;
        this.#token = undefined;
      }
    }
    const response = await this.#post(endpoint, '/v3/auth/authenticate', user, AbortSignal.timeout(CALL_TIMEOUT_MS));
    this.#token = String(opened(JSON.parse(await textOf(response))).token);
    return ask(endpoint);
  }

  /** Resolves with a good answer's head; a bad one is read and rejects. */
  #post(endpoint: string, path: string, body: object, signal: AbortSignal): Promise<IncomingMessage> {
    const url = new URL(path, endpoint);
    const text = JSON.stringify(body);
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      ...(this.#token !== undefined && { authorization: this.#token }),
    };
    return new Promise((resolve, reject) => {
      const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const sent = send(url, { method: 'POST', headers, signal, ...this.options.tls }, (response) => {
        if (response.statusCode === 200) return resolve(response);
        let answer = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          if (answer.length < MAX_MESSAGE_BYTES) answer += chunk;
        });
        response.on('end', () => reject(refusalOf(answer, response.statusCode ?? 0)));
        response.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(text);
    });
  }
}

/** gRPC status codes. */
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;
export const NOT_FOUND = 5;

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MAX_MESSAGE_BYTES) throw new Error('the answer is too long');
  }
  return text;
}

function wasNeverSent(error: unknown): boolean {
  return ['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  );
}

function refusalOf(text: string, status: number): EtcdRefusal {
  try {
    const { code, message, error } = JSON.parse(text) as { code?: number; message?: string; error?: string };
    return new EtcdRefusal(code ?? 2, message ?? error ?? `HTTP status ${status}`);
  } catch {
    return new EtcdRefusal(2, `HTTP status ${status}`);
  }
}

function opened(answer: unknown): Record<string, unknown> {
  if (typeof answer !== 'object' || answer === null) throw new Error('an answer is no JSON object');
  const { error } = answer as { error?: { grpc_code?: number; message?: string } };
  if (error) throw new EtcdRefusal(error.grpc_code ?? 2, error.message ?? String(error));
  return answer as Record<string, unknown>;
}

function unreachable(endpoints: readonly string[], cause: unknown): MurkyError {
  const why = cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : String(cause);
  return new MurkyError('MURKY_NO_REGISTRY', `No etcd endpoint answers (${endpoints.join(', ')}): ${why}.`, {
    hint: 'See that etcd runs and that cluster.etcd-endpoints names it.',
    cause,
  });
}
