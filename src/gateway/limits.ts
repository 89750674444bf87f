/** What one gateway takes on at most. Tests lower these; nobody has needed to configure them. */
export interface GatewayLimits {
  /** Connections beyond are closed at once. */
  readonly connections: number;
  /** Requests that one connection may send ahead of their answers; beyond, it is closed. */
  readonly pipelinedRequests: number;
  /** PUTs that run at once; beyond, 503. Each holds about two source blocks while the node hashes and writes them. */
  readonly concurrentWrites: number;
  /** GETs, listings and all else that run at once; beyond, 503. Each holds a block or two, and the node's fetch window. */
  readonly concurrentReads: number;
  /** Request line and headers together; beyond, 431. */
  readonly headerBytes: number;
  /** A client that takes longer to send its headers is answered with 408. */
  readonly headersMs: number;
  /** A client that neither sends nor takes a byte for so long while the gateway waits for it is cut off. */
  readonly clientIdleMs: number;
  /** An idle connection is kept for so long between two requests. */
  readonly keepAliveMs: number;
  /** After an early answer, what the client still sends is thrown away for so long, so that it reads the answer. */
  readonly lingerMs: number;
  /** How long close() waits for running requests. */
  readonly closeMs: number;
}

export const DEFAULT_LIMITS: GatewayLimits = {
  connections: 1024,
  pipelinedRequests: 64,
  concurrentWrites: 64,
  concurrentReads: 256,
  headerBytes: 16 * 1024,
  headersMs: 20_000,
  clientIdleMs: 60_000,
  keepAliveMs: 10_000,
  lingerMs: 5_000,
  closeMs: 10_000,
};
