import { MurkyError } from '../errors.js';
import type { Access } from './access.js';
import type { Admission } from './admission.js';
import type { GatewayNode } from './contract.js';
import type { Exchange } from './exchange.js';
import { listObjects } from './listing.js';
import { deleteObject, getObject, headObject, putObject } from './objects.js';
import { readOptions } from './read-options.js';
import { parseTarget, type Route } from './target.js';
import { listVersions } from './versions.js';

export interface Routing {
  readonly node: GatewayNode;
  readonly access: Access;
  readonly admission: Admission;
  readonly maxObjectBytes: number;
  /** True from close() on. */
  readonly closing: () => boolean;
}

const READ_METHODS = ['GET', 'HEAD'];
/** POST begins a drain, DELETE ends one. */
const DRAIN_METHODS = ['GET', 'HEAD', 'POST', 'DELETE'];
const OBJECT_METHODS = ['GET', 'HEAD', 'PUT', 'DELETE'];

const METHODS: Partial<Record<Route['kind'], string[]>> = { object: OBJECT_METHODS, drain: DRAIN_METHODS };

/** Checks a request in the order in which the answers must not give away more than they should, and serves it. */
export async function route(routing: Routing, exchange: Exchange, sendContinue: () => void): Promise<void> {
  const { access, admission } = routing;
  const { request } = exchange;
  const method = request.method ?? '';
  const { route, authority } = parseTarget(request.url ?? '');
  access.checkHost(request, authority);
  // A liveness probe has no token, and learns no more than that somebody is there.
  const health = route.kind === 'live' || route.kind === 'ready';
  if (!health) access.checkToken(request);
  const allowed = METHODS[route.kind] ?? READ_METHODS;
  if (!allowed.includes(method)) {
    throw new MurkyError('MURKY_METHOD_NOT_ALLOWED', `${method} does not go with this path.`, {
      hint: `It takes ${allowed.join(', ')}.`,
      facts: { allow: allowed.join(', ') },
    });
  }
  const write = !READ_METHODS.includes(method);
  if (write) access.checkOrigin(request, authority);
  if (health) return answerHealth(routing, exchange, route.kind);
  await admission.run(write ? 'write' : 'read', () => serve(routing, exchange, route, sendContinue));
}

async function serve(routing: Routing, exchange: Exchange, route: Route, sendContinue: () => void): Promise<void> {
  const { node, maxObjectBytes } = routing;
  if (route.kind === 'list') return listObjects(node, exchange, route.query);
  if (route.kind === 'status' || route.kind === 'peers' || route.kind === 'cluster' || route.kind === 'fetches') {
    return exchange.answer(json(`${JSON.stringify(await node[route.kind](), null, 2)}\n`));
  }
  if (route.kind === 'drain') return serveDrain(node, exchange);
  if (route.kind !== 'object') return exchange.answer({ status: 200, headers: PLAIN, body: WELCOME });
  const { key, query } = route;
  if (!READ_METHODS.includes(exchange.request.method ?? '') && query.size > 0) throw noQuery();
  if (query.has('versions')) return listVersions(node, exchange, key, query);
  switch (exchange.request.method) {
    case 'PUT':
      return putObject(node, exchange, key, maxObjectBytes, sendContinue);
    case 'DELETE':
      return deleteObject(node, exchange, key);
    case 'HEAD':
      return headObject(node, exchange, key, readOptions(query));
    default:
      return getObject(node, exchange, key, readOptions(query));
  }
}

/** The answer is how far the drain is; it goes on in the background. */
async function serveDrain(node: GatewayNode, exchange: Exchange): Promise<void> {
  const { method } = exchange.request;
  const status =
    method === 'POST'
      ? await node.drain()
      : method === 'DELETE'
        ? await node.cancelDrain()
        : (await node.status()).drain;
  await exchange.answer(json(`${JSON.stringify(status, null, 2)}\n`));
}

/** Live: the process answers. Ready: the node answers as well, and is not about to close. */
async function answerHealth(routing: Routing, exchange: Exchange, kind: 'live' | 'ready'): Promise<void> {
  if (kind === 'ready') {
    if (routing.closing()) throw new MurkyError('MURKY_CLOSED', 'The node is closing.');
    await routing.node.status();
  }
  await exchange.answer(json(`{"status":"${kind}"}\n`));
}

function noQuery(): MurkyError {
  return new MurkyError('MURKY_BAD_REQUEST', 'A write takes no query.', {
    hint: 'A write is in order with all others as it is; conditions go into If-Match and If-None-Match.',
  });
}

function json(body: string) {
  return { status: 200, headers: { 'content-type': 'application/json', 'cache-control': 'no-store' }, body };
}

const PLAIN = { 'content-type': 'text/plain; charset=utf-8' };
const WELCOME =
  'Murky Waters: PUT, GET, HEAD, DELETE /objects/<key> or /<unsigned 64-bit id>; ' +
  'GET /objects?prefix=&after=&limit=, /status, /cluster, /peers, /fetches, /drain, /health/live, /health/ready\n';
