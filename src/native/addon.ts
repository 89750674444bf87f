import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { MurkyError } from '../errors.js';
import type { FilePlace } from '../seam/file-place.js';
import type { HeldBlock } from './held-block.js';
import type { PoolWork } from './pool-work.js';

export type { HeldBlock };

/**
 * The native addon as it is: unchecked and unforgiving. Everything outside `src/codec` and `src/rain` uses their typed
 * and checked faces instead. 64-bit numbers are bigints; versions are 16 bytes; rates are bits of IP payload per second.
 */
export interface Addon extends PoolWork {
  kernelName(): string;
  /** Memory of taken or fetched blocks that has not come back from JavaScript: native/addon/block_value.h. */
  blockBytesOut(): number;
  Encoder: new (block: Uint8Array, symbolBytes: number) => NativeEncoder;
  Decoder: new (blockBytes: number, symbolBytes: number, into?: Uint8Array) => NativeDecoder;
  Loop: new (options: LoopOptions, onEvents: (events: LoopEvent[]) => void) => NativeLoop;
  /** Runs a scenario on the simulated network in virtual time, to its end. See native/rain/simulation.h. */
  simulate(scenario: SimulationScenario): SimulationResult;
  PollutedNetwork: new (scenario: PollutionScenario) => PollutedNetwork;
  /** The codec's benchmark, for bench/codec: native/measure/codec_measure.h. */
  measureEncode(k: number, symbolBytes: number, seconds: number): EncodeFigures;
  measureDecode(k: number, symbolBytes: number, loss: number, seconds: number): DecodeFigures;
  threadSeconds(): number;
  overheadHistogram(k: number, loss: number, pattern: 'each' | 'run', trials: number, seed: number): number[];
  /**
   * Gives the memory of a decoded block back; the array is empty afterwards. Left to the collector it comes back, too, at
   * the cost of marking the heap for every 20 MiB or so. Nothing may be reading it any more, on no thread.
   */
  releaseBlock(bytes: Uint8Array): void;
  /** A block of a copy of these bytes. */
  holdBlock(bytes: Uint8Array): HeldBlock;
  /** How many blocks of one length are best hashed together; 1 where this processor gains nothing by it. */
  sha256Lanes(): number;
  /** What the transport finds on this machine. */
  transportFeatures(): TransportFeatures;
}

export interface EncodeFigures {
  memcpySeconds: number;
  setupSeconds: number;
  encodeSeconds: number;
  setupAdditions: number;
}

export interface DecodeFigures {
  decodeSeconds: number;
  decodeMeanSeconds: number;
  tailSeconds: number;
  tailP99Seconds: number;
  takeSeconds: number;
  inactiveColumns: number;
  additions: number;
}

export interface NativeEncoder {
  readonly k: number;
  readonly symbolBytes: number;
  /** Writes `count` symbols from ESI `from` into `out`, which has room for them. */
  symbols(from: number, count: number, out: Uint8Array): void;
  /** Frees its memory now instead of at a garbage collection; every other call then throws MURKY_CLOSED. */
  close(): void;
}

/** 0 need more, 1 decoded, 2 duplicate, 3 conflict, 4 ESI out of range: native/lt/codec.h, AddResult. */
export type NativeAddResult = 0 | 1 | 2 | 3 | 4;

/** As in native/addon/codec_binding.cc. */
export const ADD_RESULTS = 8;

export interface NativeDecoder {
  readonly k: number;
  readonly symbolBytes: number;
  readonly received: number;
  readonly missing: number;
  readonly decoded: boolean;
  add(esi: number, symbol: Uint8Array): NativeAddResult;
  /**
   * Adds esis.length symbols that lie one behind the other; stops at the first that is refused. The answer is the number
   * of those taken, times ADD_RESULTS, plus the NativeAddResult of the last one looked at.
   */
  addMany(esis: Uint32Array, symbols: Uint8Array): number;
  /**
   * Copies the block to the first bytes of `out`; without it, hands it over, which is all of `into` for a decoder that
   * was given one. Undefined unless there is one to take.
   */
  take(out?: Uint8Array): Uint8Array | undefined;
  /** As NativeEncoder.close. */
  close(): void;
}

export type SocketKind = 'portable' | 'batched' | 'gso';

export interface LoopOptions {
  /** Numeric IPv4 or IPv6 address to bind. */
  host: string;
  /** 0 lets the system choose. */
  port: number;
  /** 1 to 4, each of 16 to 64 bytes; the first seals, all open. Without them datagrams are not sealed. */
  keys?: readonly Uint8Array[];
  /** Drops whatever comes from or goes to another host. */
  loopbackOnly: boolean;
  /** Drops this share of outgoing datagrams: tests and demos. */
  dropFraction?: number;
  /** At most: one call a datagram, many datagrams a call, many in one message. The best there is by default. */
  socket?: SocketKind;
  /** 1 to 16, 1 by default; more than one only on Linux: native/rain/loop_group.h. */
  threads?: number;
  maxRateBitsPerSecond?: number;
  maxRatePerPeerBitsPerSecond?: number;
  blockCacheBytes?: number;
  maxSubscriptions?: number;
  maxSubscriptionsPerPeer?: number;
  maxInboundRequests?: number;
  maxInboundRequestsPerPeer?: number;
  maxFetches?: number;
  /** Sealed datagrams of unknown senders that are tried; one peer has a hundredth of it. */
  maxStrangersPerSecond?: number;
  /** Numeric multicast address and port; none by default. */
  multicastGroup?: { readonly host: string; readonly port: number };
  /** Numeric address of this machine whose interface the group is reached by; by default that of `host`. */
  multicastInterface?: string;
  multicastTtl?: number;
  multicastMaxRateBitsPerSecond?: number;
}

/**
 * Throws an Error with `code` = 'EADDRINUSE', 'EADDRNOTAVAIL', ... or a MURKY_* code from the constructor. A loop does
 * not keep the process alive; `src/rain` does so while there is something to wait for. A loop that is no longer
 * reachable is closed when it is collected, unless a fetch is open or a request unanswered.
 */
export interface NativeLoop {
  address(): { host: string; port: number };
  /** An array is copied; a held block is served from where it lies, and cannot be taken any more. */
  provideBlock(resource: bigint, version: Uint8Array, block: number, bytes: Uint8Array | HeldBlock): void;
  /**
   * Reads a block on a thread of Node's pool, and takes it if its bytes are those of the place's SHA-256; the file must
   * stay open until then. False, and nothing is taken, if they are not, or cannot be read.
   */
  provideFromFile(resource: bigint, version: Uint8Array, block: number, place: FilePlace): Promise<boolean>;
  refuseBlock(resource: bigint, version: Uint8Array, block: number, reason: RefuseReason): void;
  forgetResource(resource: bigint): void;
  /** Returns the fetch's handle, 0 if a limit is reached. */
  openFetch(spec: FetchSpec): number;
  /**
   * Returns at once, whatever the loop is busy with. A block that was decoded may be wanted again, and is then fetched anew:
   * its bytes were wrong. False for one that is under way, of an impossible length, or over the 256 of one fetch.
   */
  want(fetch: number, block: number, blockBytes: number): boolean;
  addServer(fetch: number, server: FetchServer): boolean;
  /** The other servers keep their indices. */
  removeServer(fetch: number, server: number): boolean;
  fetchReport(fetch: number): FetchReport | undefined;
  /**
   * How many of the symbols that each server gave to a block are not those of the true block, which `bytes` are. For a
   * block that was decoded, until it is wanted again; empty if nothing is known of it.
   */
  wrongSymbols(fetch: number, block: number, bytes: Uint8Array): number[];
  closeFetch(fetch: number): void;
  /** The payload has at most 1172 bytes. Answered by a `response` or `timeout` event with the same id. */
  request(id: bigint, host: string, port: number, payload: Uint8Array, timeoutMs: number): boolean;
  /** With the address that it went to: it is not repeated any more, and takes up no room. An answer may still be told of. */
  cancelRequest(id: bigint, host: string, port: number): void;
  respond(handle: bigint, payload: Uint8Array): void;
  /** Throws as the constructor does, and then keeps the keys it has. */
  replaceKeys(keys: readonly Uint8Array[]): void;
  setDropFraction(fraction: number): void;
  /** Bytes of the largest IP packet to there, as the system knows it without asking the path; 0: it does not say. */
  pathMtu(host: string, port: number): number;
  counters(): Record<string, number>;
  /** Stops the thread and closes the socket; no event comes after it returns. Idempotent. */
  close(): void;
}

/** native/rain/wire.h, RefuseReason. */
export enum RefuseReason {
  NotHere = 1,
  BadShape = 2,
  Busy = 3,
  Unreadable = 4,
}

export interface FetchSpec {
  resource: bigint;
  version: Uint8Array;
  symbolBytes: number;
  /** That will be wanted in all; without it every one may be the last. */
  blocks?: number;
  servers: FetchServer[];
}

export interface FetchServer {
  host: string;
  port: number;
  /** What earlier fetches say that the path to it carries; without it the path is unknown. */
  knownRateBitsPerSecond?: number;
}

export interface ServerReport {
  host: string;
  port: number;
  state: ServerState;
  reason: number;
  symbols: number;
  useful: number;
  lost: number;
  /** Received, smoothed. */
  rateBitsPerSecond: number;
  /** What the rate control holds that the path carries; 0 before its first estimate. */
  capacityBitsPerSecond: number;
  roundTripMs: number;
}

export interface FetchReport {
  servers: ServerReport[];
  blocks: number;
  sourceSymbols: number;
  decodingSymbols: number;
  /** Memory of the blocks that are being decoded. */
  decoderBytes: number;
  /** As many bytes of blocks as it takes, wanted and not yet handed on, to keep all paths busy. */
  lookAheadBytes: number;
}

export enum ServerState {
  Connecting = 0,
  Alive = 1,
  Silent = 2,
  Refused = 3,
}

/** Events come in batches, in order, on the JS thread that made the loop. */
export type LoopEvent =
  | { type: 'blockNeeded'; resource: bigint; version: Uint8Array; block: number }
  /** `bytes` is empty where the block's symbols contradict each other: somebody's were wrong. */
  | { type: 'blockDecoded'; fetch: number; block: number; bytes: HeldBlock; fromServers: number[] }
  | { type: 'serverState'; fetch: number; server: number; state: ServerState; reason: number }
  | { type: 'request'; handle: bigint; host: string; port: number; payload: Uint8Array }
  | { type: 'response'; id: bigint; payload: Uint8Array }
  | { type: 'timeout'; id: bigint };

export interface SimulatedServer {
  rateBitsPerSecond: number;
  /** What history foretells of the path; without it the path is unknown. */
  knownRateBitsPerSecond?: number;
  delayMs: number;
  /** Share of datagrams lost, each direction. */
  loss: number;
  /** Mean length of a run of losses; 1 where each falls alone. */
  lossBurst?: number;
  /** Share lost of what the client sends, beyond `loss`. */
  requestLoss?: number;
  queueMs?: number;
  jitterMs?: number;
  duplicate?: number;
  /** Virtual milliseconds at which the server dies. */
  killAtMs?: number;
  /** How long after that it is started again, with nothing in its memory. */
  backAfterMs?: number;
  /** When it begins to neither take nor send anything, and for how long. */
  stallAtMs?: number;
  stallForMs?: number;
  /** When the client hears of it; from the start unless it is said. */
  joinAtMs?: number;
  /** The server has not got the object. */
  empty?: boolean;
  /** TCP-like flows from the server to the client, through the same queue. */
  rivals?: ('reno' | 'cubic' | 'bbr')[];
}

export interface SimulationScenario {
  seed: number;
  objectBytes: number;
  symbolBytes?: number;
  windowBlocks?: number;
  /**
   * The client first asks every server something, as a node looks up the version before it fetches, and has their
   * tokens from then on. All times count from the fetch's beginning.
   */
  lookUpFirst?: boolean;
  servers: SimulatedServer[];
  /**
   * The servers of each reader, by index. Each reads an object of its own, and what a server sends to all of them goes
   * through one queue. Without it there is one reader, of all servers.
   */
  readers?: number[][];
  /** When the rivals begin. */
  rivalsFromMs?: number;
  /** When they send no more; without it they are never done. */
  rivalsUntilMs?: number;
  /** When bytes begin to count in `shares`. */
  sharesFromMs?: number;
  /** Gives up after this much virtual time. */
  limitMs?: number;
}

export interface SimulationResult {
  done: boolean;
  /** Every block of every reader equals what was put. */
  intact: boolean;
  virtualMs: number;
  /** When the first block was whole. */
  firstBlockMs: number;
  report: FetchReport;
  queueMedianMs: number;
  queueP95Ms: number;
  /** Symbols that some server had sent before. */
  sentTwice: number;
  /** The most that blocks took at a time: being decoded, and decoded but not yet handed on in their order. */
  mostBytesHeld: number;
  client: Record<string, number>;
  servers: Record<string, number>[];
  /** Bytes of IP through each server's link, of the fetch and of all its rivals. */
  shares: { fetchBytes: number; rivalBytes: number }[];
  /** By reader: bytes of the symbols that were of use. All else here is the first reader's. */
  usefulBytes: number[];
}

export interface PollutedServer {
  rateBitsPerSecond: number;
  delayMs: number;
  jitterMs: number;
  loss: number;
  /** Share of its symbols that are wrong. */
  wrongShare: number;
  /** Random bytes, one bit, or always the same change. */
  pollution: 'noise' | 'flip' | 'steady';
  /** Wrong symbols after which it is honest. */
  mostWrong?: number;
}

export interface PollutionScenario {
  seed: number;
  /** What every server holds, as blocks of every resource. */
  content: Uint8Array;
  blockBytes: number;
  servers: PollutedServer[];
}

/** A client's loop in a simulated network, some of whose servers send wrong symbols. Time passes in run() alone. */
export interface PollutedNetwork
  extends Pick<
    NativeLoop,
    'openFetch' | 'want' | 'addServer' | 'removeServer' | 'fetchReport' | 'wrongSymbols' | 'closeFetch'
  > {
  servers(): { host: string; port: number }[];
  wrongSent(server: number): number;
  /** Virtual milliseconds. */
  now(): number;
  /** Until something is to be told, or that time. */
  run(untilMs: number): LoopEvent[];
}

export interface TransportFeatures {
  platform: string;
  batchedSocket: boolean;
  gso: boolean;
  gro: boolean;
  crypto: string;
  receiveBufferBytes: number;
  sendBufferBytes: number;
}

let loaded: Addon | undefined;

/** Loads the addon at first use; MURKY_ADDON_MISSING says what to do where there is none for this machine. */
export function addon(): Addon {
  if (!loaded) {
    const require = createRequire(import.meta.url);
    const root = fileURLToPath(new URL('../..', import.meta.url));
    try {
      loaded = require('node-gyp-build')(root) as Addon;
    } catch (cause) {
      throw new MurkyError(
        'MURKY_ADDON_MISSING',
        `There is no native addon for ${process.platform}-${process.arch}, Node ${process.versions.node}.`,
        {
          hint: 'Run "npm run build:native" in the package folder; it needs a C++17 compiler, make and Python 3.',
          cause,
        },
      );
    }
  }
  return loaded;
}
