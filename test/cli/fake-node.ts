import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What is done to the next answers: a way to be a node in trouble. */
export interface Trouble {
  /** Another ETag than that of the bytes. */
  etag?: string;
  /** Breaks the connection off after so many bytes of a GET. */
  breakAfterBytes?: number;
  /** Sends so many bytes of a GET and then no more. */
  stallAfterBytes?: number;
  /** Never answers. */
  silent?: boolean;
  problem?: { status: number; code: string; detail: string; hint?: string };
  /** Its drain does not get on. */
  heldUp?: { code: string; detail: string; hint: string };
  /** Answers with something that is no node's. */
  stranger?: boolean;
}

export interface FakeNode {
  readonly url: string;
  readonly objects: Map<string, { bytes: Buffer; contentType: string | undefined }>;
  readonly requests: { method: string; path: string; token: string | undefined; sentFrom?: number }[];
  trouble: Trouble;
  close(): Promise<void>;
}

const VERSION = `018bcfe56800${'0'.repeat(4)}${'a'.repeat(16)}`; // 2023-11-14T22:13:20.000Z
const PAGE = 2;

/** An HTTP server that speaks a node's routes and can be made to misbehave. */
export async function startFakeNode(): Promise<FakeNode> {
  const objects: FakeNode['objects'] = new Map();
  const requests: FakeNode['requests'] = [];
  const node = { objects, requests, trouble: {} as Trouble } as FakeNode;
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, 'http://node');
    requests.push({ method: request.method!, path: request.url!, token: request.headers.authorization });
    const { silent, problem, stranger, heldUp } = node.trouble;
    if (silent) return;
    if (stranger) {
      response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>no</h1>');
      return;
    }
    if (problem) refuse(response, problem);
    else if (pathname === '/status') json(response, 200, { name: 'murky-waters', ...STATUS });
    else if (pathname === '/cluster') json(response, 200, CLUSTER);
    else if (pathname === '/peers') json(response, 200, PEERS);
    else if (pathname === '/drain')
      json(response, 200, heldUp ? { state: 'draining', objectsLeft: 0, heldUp } : drainStep(request.method!));
    else if (pathname === '/objects') list(node, request, response);
    else one(node, decodeURIComponent(pathname.slice('/objects/'.length)), request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(node, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  });
}

const CLUSTER = {
  nodes: [
    {
      id: '00112233445566aa',
      name: '127.0.0.1:1980',
      self: true,
      state: 'alive',
      awaySeconds: null,
      weight: 1,
      zone: 'rack 7',
      standby: false,
      clockSkewSeconds: 0,
      summary: {
        version: '0.1.0',
        objects: 2,
        usedBytes: 3 * 2 ** 20,
        underReplicated: 5,
        repair: 'repairing',
        repairQueued: 7,
        repairSecondsLeft: 90,
      },
    },
    {
      id: 'ffeeddccbbaa9988',
      name: '127.0.0.2:1981',
      self: false,
      state: 'away',
      awaySeconds: 90,
      weight: 2,
      zone: '',
      standby: true,
      clockSkewSeconds: null,
      summary: null,
    },
  ],
  warnings: ['The clock of 127.0.0.2:1981 is 1 day ahead of the one here; set both by NTP.'],
};

const STATUS = {
  version: '0.1.0',
  id: '00112233445566aa',
  uptimeSeconds: 3725,
  rain: { host: '127.0.0.1', port: 1980, advertised: '127.0.0.1:1980', sealed: true, quarantine: [] },
  cluster: {
    replicas: 3,
    writeQuorum: 'majority',
    weight: 1,
    peers: [
      {
        id: 'ffeeddccbbaa9988',
        host: '127.0.0.2',
        port: 1981,
        state: 'away',
        weight: 1,
        roundTripMs: 1.25,
        lastSeenSecondsAgo: 90,
        hints: 4,
      },
    ],
  },
  store: { objects: 2, tombstones: 1, replicaBytes: 3 * 2 ** 20, cachedBytes: 0, otherBytes: 0, maxBytes: 2 ** 30 },
  scrub: {
    state: 'reading',
    progress: 0.25,
    passes: 1,
    checkedBlocks: 9,
    checkedBytes: 9000,
    damagedBlocks: 2,
    mendedBlocks: 1,
  },
  repair: {
    state: 'repairing',
    queued: 12,
    active: 8,
    repairedObjects: 5,
    repairedBytes: 5000,
    objectsPerSecond: 2,
    secondsLeft: 4,
    comparing: false,
    comparedSecondsAgo: 60,
    underReplicated: 20,
  },
  drain: { state: 'off', objectsLeft: null },
  transport: {},
  kernel: 'avx2',
  memory: { residentBytes: 50 * 2 ** 20, heapBytes: 2 ** 20 },
};

const PEERS = {
  peers: [
    {
      ...{
        id: 'ffeeddccbbaa9988',
        host: 'west',
        port: 1981,
        address: '192.0.2.7:1981',
        state: 'alive',
        suspect: false,
      },
      path: {
        ...{ address: '192.0.2.7:1981', rateBitsPerSecond: 60e6, predictedBitsPerSecond: 60e6, loss: 0.051 },
        ...{ roundTripMs: 40.25, weight: 1, failures: 0, symbolLimitBytes: null },
        lastSeenMs: 1_000_000, // by the node's clock, which nobody else goes by
        lastSeenSecondsAgo: 30,
        fetches: [
          { atMs: 400_000, predictedBitsPerSecond: null, measuredBitsPerSecond: 80e6 },
          { atMs: 1_000_000, predictedBitsPerSecond: 80e6, measuredBitsPerSecond: 60e6 },
        ],
      },
    },
    {
      ...{ id: null, host: '2001:db8::9', port: 1982, address: null, state: 'unknown', suspect: false },
      path: null,
    },
  ],
  otherPaths: [],
};

/** Begins with two objects to move; one is gone at each look. */
let toDrain = 0;
function drainStep(method: string): { state: string; objectsLeft: number | null } {
  if (method === 'DELETE') return { state: 'off', objectsLeft: null };
  if (method === 'POST') toDrain = 2;
  else toDrain -= 1;
  return { state: toDrain > 0 ? 'draining' : 'drained', objectsLeft: Math.max(0, toDrain) };
}

async function one(node: FakeNode, key: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const there = node.objects.get(key);
  const written = { 'x-murky-version': VERSION, 'x-murky-durable': 2, 'x-murky-owners': 3, 'x-murky-quorum': 2 };
  if (request.method === 'PUT') {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    node.objects.set(key, { bytes, contentType: request.headers['content-type'] });
    json(response, 201, { key, durable: 2, owners: 3 }, { ...written, etag: etag(node, bytes) });
  } else if (!there) {
    refuse(response, { status: 404, code: 'MURKY_NOT_FOUND', detail: `There is no object "${key}".` });
  } else if (request.method === 'DELETE') {
    node.objects.delete(key);
    response.writeHead(204, written).end();
  } else {
    const { bytes: all, contentType = 'application/octet-stream' } = there;
    const wanted = Number(/^bytes=([0-9]+)-$/.exec(request.headers.range ?? '')?.[1]);
    const partly = request.headers['if-range'] === etag(node, all) && wanted < all.length;
    const bytes = partly ? all.subarray(wanted) : all;
    response.writeHead(partly ? 206 : 200, {
      'content-length': bytes.length,
      'content-type': contentType,
      etag: etag(node, all),
      ...(partly && { 'content-range': `bytes ${wanted}-${all.length - 1}/${all.length}` }),
    });
    node.requests.at(-1)!.sentFrom = partly ? wanted : 0;
    const { breakAfterBytes, stallAfterBytes } = node.trouble;
    if (stallAfterBytes !== undefined) response.write(bytes.subarray(0, stallAfterBytes));
    else if (breakAfterBytes === undefined) response.end(bytes);
    else response.write(bytes.subarray(0, breakAfterBytes), () => response.destroy());
  }
}

function list(node: FakeNode, request: IncomingMessage, response: ServerResponse): void {
  const query = new URL(request.url!, 'http://node').searchParams;
  const keys = [...node.objects.keys()]
    .sort()
    .filter((key) => key.startsWith(query.get('prefix') ?? '') && key > (query.get('after') ?? ''));
  const objects = keys.slice(0, PAGE).map((key) => {
    const { bytes, contentType } = node.objects.get(key)!;
    return { key, size: bytes.length, sha256: sha256(bytes), version: VERSION, contentType };
  });
  json(response, 200, { objects, next: keys.length > PAGE ? keys[PAGE - 1] : null });
}

function json(response: ServerResponse, status: number, body: object, headers: OutgoingHttpHeaders = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

function refuse(response: ServerResponse, problem: NonNullable<Trouble['problem']>): void {
  response
    .writeHead(problem.status, { 'content-type': 'application/problem+json' })
    .end(JSON.stringify({ type: 'about:blank', ...problem }));
}

function etag(node: FakeNode, bytes: Buffer): string {
  return node.trouble.etag ?? `"${sha256(bytes)}"`;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
