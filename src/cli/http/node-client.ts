import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { MurkyError } from '../../errors.js';
import { metadataHeaders, metadataOf } from '../../gateway/object-headers.js';
import type { ClusterReport, DrainStatus, NodeStatus, PeersReport } from '../../node/contract.js';
import type { RunningFetch } from '../../rain/report.js';
import { exchange } from './http-exchange.js';
import { badAnswer, brokenOff, problemError } from './node-failure.js';

/** Pages and problem documents are small; whatever answers with more is not a node. */
const MAX_JSON_BYTES = 16 * 2 ** 20;
const PAGE_ENTRIES = 1000;

export interface NodeClientOptions {
  /** http(s)://host:port of a node. */
  readonly url: URL;
  readonly token?: string | undefined;
  /** Gives up (MURKY_TIMEOUT) when nothing has moved for so long. */
  readonly idleTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** Headers that a write is to fail by: `if-match`, `if-none-match`. */
export type Conditions = Record<string, string>;

/** What the node says of a write, in its headers: x-murky-durable and so on, and the ETag. */
export interface WriteAnswer {
  /** Owners that hold it durably, of how many, and how many had to. */
  readonly durable: number | undefined;
  readonly owners: number | undefined;
  readonly quorum: number | undefined;
  readonly version: string | undefined;
  /** A newer version, written at the same time, that readers get in its place. */
  readonly overtaken: string | undefined;
  /** Hexadecimal, of a put. */
  readonly sha256: string | undefined;
}

export interface ListEntry {
  readonly key: string;
  readonly size: number;
  readonly sha256: string;
  readonly version: string;
  readonly contentType?: string | undefined;
}

export interface VersionEntry {
  /** 32 hexadecimal digits. */
  readonly version: string;
  readonly deleted: boolean;
  readonly size: number;
  /** Null for a deletion. */
  readonly sha256: string | null;
}

export interface ObjectAnswer {
  /** Of the whole object; undefined where the node does not say. */
  readonly bytes: number | undefined;
  /** At which byte the body begins: 0 unless the beginning was here. */
  readonly start: number;
  /** Hexadecimal, from the ETag. */
  readonly sha256: string | undefined;
  /** The headers that are kept with an object, by their names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
  /** 32 hexadecimal digits; undefined where the node does not say. */
  readonly version: string | undefined;
  /** Fails with a MurkyError if the connection breaks or the bytes are not as many as announced. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Lets go of the connection, read or not. */
  discard(): void;
}

/** The HTTP interface of a node, as the commands use it. Bodies are streams; every failure is a MurkyError. */
export class NodeClient {
  readonly #options: NodeClientOptions;

  constructor(options: NodeClientOptions) {
    this.#options = options;
  }

  get url(): URL {
    return this.#options.url;
  }

  /** `bytes` is undefined for a body whose length nobody knows yet; of `metadata` goes what a node keeps. */
  async put(
    key: string,
    body: Readable,
    facts: { bytes: number | undefined; metadata: Readonly<Record<string, string>>; conditions?: Conditions },
  ) {
    const headers: Record<string, string> = { ...metadataHeaders(facts.metadata), ...facts.conditions };
    if (facts.bytes !== undefined) headers['content-length'] = String(facts.bytes);
    const answer = await this.#send('PUT', objectPath(key), headers, body);
    await text(answer, this.url);
    return writeAnswer(answer);
  }

  /** `left`: the beginning that is here of an object with this SHA-256. If it is that one still, the rest is sent. */
  async get(
    key: string,
    query: Readonly<Record<string, string>> = {},
    left?: { readonly bytes: number; readonly sha256: string },
  ): Promise<ObjectAnswer> {
    // One byte again: there is always something to send, also where all is here.
    const range = left && { range: `bytes=${left.bytes - 1}-`, 'if-range': `"${left.sha256}"` };
    const answer = await this.#send('GET', objectPath(key, query), range);
    const length = answer.headers['content-length'];
    const bytes = length === undefined ? undefined : Number(length);
    const start = answer.statusCode === 206 ? startOf(answer) : 0;
    if (start === undefined || (start > 0 && start !== (left?.bytes ?? 0) - 1)) {
      answer.destroy();
      throw badAnswer(this.url, 'it sent another part of the object than was asked for');
    }
    return {
      bytes: bytes === undefined ? undefined : start + bytes,
      start,
      sha256: etagSha256(answer),
      metadata: metadataOf(answer.headers),
      version: answer.headers['x-murky-version'] as string | undefined,
      body: whole(answer, this.url, bytes),
      discard: () => void answer.destroy(),
    };
  }

  async remove(key: string, conditions: Conditions = {}): Promise<WriteAnswer> {
    const answer = await this.#send('DELETE', objectPath(key), conditions);
    await text(answer, this.url);
    return writeAnswer(answer);
  }

  async *list(prefix: string): AsyncGenerator<ListEntry> {
    let after: string | undefined;
    do {
      const query = new URLSearchParams({ prefix, limit: String(PAGE_ENTRIES) });
      if (after !== undefined) query.set('after', after);
      const page = (await this.#json(await this.#send('GET', `/objects?${query}`))) as {
        objects?: ListEntry[];
        next?: string | null;
      };
      if (!Array.isArray(page.objects)) throw badAnswer(this.#options.url, 'its list of objects has no "objects"');
      yield* page.objects;
      after = page.next ?? undefined;
    } while (after !== undefined);
  }

  /** What the node itself holds of an object, the newest first; MURKY_NOT_FOUND if nothing. */
  async versions(key: string): Promise<readonly VersionEntry[]> {
    const answer = (await this.#json(await this.#send('GET', objectPath(key, { versions: '' })))) as {
      versions?: VersionEntry[];
    };
    if (!Array.isArray(answer.versions)) throw badAnswer(this.#options.url, 'its list of versions has no "versions"');
    return answer.versions;
  }

  async status(): Promise<NodeStatus> {
    const status = (await this.#json(await this.#send('GET', '/status'))) as NodeStatus;
    if (status.name !== 'murky-waters') throw badAnswer(this.#options.url, 'its status is not that of a node');
    return status;
  }

  async cluster(): Promise<ClusterReport> {
    const report = (await this.#json(await this.#send('GET', '/cluster'))) as ClusterReport;
    if (!Array.isArray(report.nodes)) throw badAnswer(this.#options.url, 'its report on the cluster has no "nodes"');
    return report;
  }

  async peers(): Promise<PeersReport> {
    const report = (await this.#json(await this.#send('GET', '/peers'))) as PeersReport;
    if (!Array.isArray(report.peers)) throw badAnswer(this.#options.url, 'its list of peers has no "peers"');
    return report;
  }

  /** Begins (POST), ends (DELETE) or looks at (GET) a drain. */
  async drain(method: 'GET' | 'POST' | 'DELETE'): Promise<DrainStatus> {
    const status = (await this.#json(await this.#send(method, '/drain'))) as DrainStatus;
    if (typeof status.state !== 'string') throw badAnswer(this.#options.url, 'its answer is not about a drain');
    return status;
  }

  async fetches(): Promise<readonly RunningFetch[]> {
    const fetches = await this.#json(await this.#send('GET', '/fetches'));
    if (!Array.isArray(fetches)) throw badAnswer(this.#options.url, 'its fetches are no list');
    return fetches;
  }

  /** Resolves with the answer's head; anything but a 2xx rejects with the error that its problem document tells. */
  async #send(method: string, path: string, headers: Record<string, string> = {}, body?: Readable) {
    const { url, token, idleTimeoutMs, signal } = this.#options;
    const all = token === undefined ? headers : { ...headers, authorization: `Bearer ${token}` };
    const answer = await exchange(url, { method, path, headers: all, body, idleTimeoutMs, signal });
    if (answer.statusCode! >= 200 && answer.statusCode! < 300) return answer;
    throw problemError(url, answer, await text(answer, url));
  }

  async #json(answer: IncomingMessage): Promise<unknown> {
    const content = await text(answer, this.#options.url);
    try {
      const value: unknown = JSON.parse(content);
      if (typeof value === 'object' && value !== null) return value;
    } catch {
      // said below
    }
    throw badAnswer(this.#options.url, 'it did not answer with JSON');
  }
}

/** The whole key as one path segment, so that no proxy or parser folds its dots and slashes. */
function objectPath(key: string, query: Readonly<Record<string, string>> = {}): string {
  const path = `/objects/${encodeURIComponent(key)}`;
  return Object.keys(query).length === 0 ? path : `${path}?${new URLSearchParams(query)}`;
}

/** Where the range of a 206 starts (RFC 9110, section 14.4); undefined if it does not say. */
function startOf(answer: IncomingMessage): number | undefined {
  const start = /^bytes ([0-9]+)-/.exec(answer.headers['content-range'] ?? '')?.[1];
  return start === undefined ? undefined : Number(start);
}

function etagSha256(answer: IncomingMessage): string | undefined {
  return /^"([0-9a-f]{64})"$/.exec(answer.headers.etag ?? '')?.[1];
}

function writeAnswer(answer: IncomingMessage): WriteAnswer {
  const count = (name: string) => {
    const value = answer.headers[name];
    return typeof value === 'string' && /^[0-9]+$/.test(value) ? Number(value) : undefined;
  };
  return {
    durable: count('x-murky-durable'),
    owners: count('x-murky-owners'),
    quorum: count('x-murky-quorum'),
    version: answer.headers['x-murky-version'] as string | undefined,
    overtaken: answer.headers['x-murky-overtaken'] as string | undefined,
    sha256: etagSha256(answer),
  };
}

/** A body that ends before its Content-Length is an error of the stream already; one that breaks off gets its sentence here. */
async function* whole(body: AsyncIterable<Uint8Array>, url: URL, bytes: number | undefined) {
  let count = 0;
  try {
    for await (const chunk of body) {
      count += chunk.length;
      yield chunk;
    }
  } catch (error) {
    throw brokenOff(url, error);
  }
  if (bytes !== undefined && count !== bytes) throw brokenOff(url, undefined);
}

async function text(answer: IncomingMessage, url: URL): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_JSON_BYTES) throw badAnswer(url, `it answered with more than ${MAX_JSON_BYTES} bytes of text`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof MurkyError ? error : brokenOff(url, error);
  }
  return Buffer.concat(chunks).toString('utf8');
}
