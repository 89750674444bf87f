import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { hostAndPort, isLoopback } from '../config/loopback.js';
import { isMurkyError, MurkyError } from '../errors.js';
import { systemClock } from '../seam/clock.js';
import { Access, readAccessToken } from './access.js';
import { Admission } from './admission.js';
import { refuseConnection } from './client-error.js';
import { Connections } from './connections.js';
import type { Gateway, StartGateway } from './contract.js';
import { Exchange } from './exchange.js';
import { DEFAULT_LIMITS } from './limits.js';
import { problem } from './problem.js';
import { route } from './router.js';

export const startGateway: StartGateway = async (node, config, log, options = {}) => {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const clock = options.clock ?? systemClock;
  const token = config.accessTokenFile === null ? null : readAccessToken(config.accessTokenFile);
  const connections = new Connections(limits.pipelinedRequests);
  let closing: Promise<void> | undefined;
  const routing = {
    node,
    access: new Access(token, config.host),
    admission: new Admission({ read: limits.concurrentReads, write: limits.concurrentWrites }),
    maxObjectBytes: config.maxObjectBytes,
    closing: () => closing !== undefined,
  };

  const serve = async (request: IncomingMessage, response: ServerResponse, sendContinue: () => void) => {
    const exchange = new Exchange(request, response, limits, clock);
    const began = clock.monotonic();
    try {
      await connections.turn(exchange);
      await route(routing, exchange, sendContinue);
    } catch (error) {
      await fail(exchange, error);
    }
    if (closing !== undefined) void exchange.ended.then(() => server.closeIdleConnections());
    log.debug(
      {
        method: request.method,
        target: request.url,
        status: response.statusCode,
        bytes: exchange.bytesSent,
        milliseconds: Math.round(clock.monotonic() - began),
      },
      'Served a request.',
    );
  };

  const fail = async (exchange: Exchange, error: unknown) => {
    const { request, response, signal } = exchange;
    const facts = { err: error, method: request.method, target: request.url };
    if (!isMurkyError(error) && !signal.aborted) log.error(facts, 'A request failed in an unexpected way.');
    else if (response.headersSent && !signal.aborted) log.warn(facts, 'A body was cut.');
    if (response.headersSent || signal.aborted) response.destroy();
    else await exchange.answer(problem(error));
  };

  const server = createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    // A slow upload is legal: not the whole request is timed, but each wait for its next bytes.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.min(limits.headersMs, 5000),
    // Checked by Access, which answers with a problem document.
    requireHostHeader: false,
  });
  server.timeout = limits.clientIdleMs;
  server.maxConnections = limits.connections;
  server.on('request', (request, response) => void serve(request, response, () => {}));
  server.on('checkContinue', (request, response) => void serve(request, response, () => response.writeContinue()));
  server.on('clientError', (error, socket) => {
    refuseConnection(error, socket as Socket, connections.on(socket as Socket), limits.lingerMs);
  });

  const port = await listen(server, config.host, config.port, token !== null);
  const close = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    connections.announceClose();
    const cancel = clock.after(limits.closeMs, () => {
      connections.cutAll();
      server.closeAllConnections();
    });
    await closed;
    cancel();
  };
  return {
    host: config.host,
    port,
    url: `http://${hostAndPort(config.host, port)}`,
    close: () => {
      closing ??= close();
      return closing;
    },
  } satisfies Gateway;
};

/** Binds; resolves with the port. */
async function listen(server: Server, host: string, port: number, hasToken: boolean): Promise<number> {
  const where = hostAndPort(host, port);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE') {
      throw new MurkyError('MURKY_ADDRESS_IN_USE', `Another program already listens on ${where} (TCP).`, {
        hint: 'Choose another port with http.port; 0 takes any free one.',
        cause: error,
      });
    }
    throw new MurkyError('MURKY_ADDRESS_UNUSABLE', `Cannot listen on ${where} (TCP): ${error.code ?? error.message}.`, {
      hint: 'http.host must be an address of this machine; ports below 1024 need a privilege.',
      cause: error,
    });
  });
  const bound = server.address() as AddressInfo;
  // Asked of the bound address, not of the name: a name can mean anything.
  if (!hasToken && !isLoopback(bound.address)) {
    server.close();
    throw new MurkyError('MURKY_INSECURE_REFUSED', `Other machines can reach ${where}, and there is no access token.`, {
      hint: 'Configure http.access-token-file, or bind 127.0.0.1.',
    });
  }
  return bound.port;
}
