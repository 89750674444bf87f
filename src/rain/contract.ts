import type { FetchReport, HeldBlock } from '../native/addon.js';
import type { Manifest } from '../object/manifest.js';
import type { Version } from '../object/version.js';
import type { FilePlace } from '../seam/file-place.js';

/** Host and UDP port of a rain endpoint. `host` is a numeric IP address once it has been resolved. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where an endpoint finds what it serves. */
export interface BlockSource {
  /**
   * The newest version of a resource, tombstones too; undefined if it is not here or not to be shared.
   */
  current(id: bigint): Promise<Manifest | undefined>;
  /** A version that is still readable, though perhaps overwritten since. */
  manifest(id: bigint, version: Version): Promise<Manifest | undefined>;
  /** One block of a readable version, verified against its hash; undefined if it is not here. */
  block(id: bigint, version: Version, index: number): Promise<Uint8Array | undefined>;
  /**
   * For a source whose blocks lie in files or in memory that nobody changes: lets `readFrom` have one from there, past
   * JavaScript, and keeps it there meanwhile. False if it lies elsewhere, or `readFrom` did not find the bytes that the
   * place names: then `block` is asked.
   */
  readInPlace?(
    id: bigint,
    version: Version,
    index: number,
    readFrom: (place: FilePlace | HeldBlock) => Promise<boolean>,
  ): Promise<boolean>;
}

/** The first byte of a request says who answers it. */
export enum RequestKind {
  /** rain: which version of a resource is here? */
  Lookup = 1,
  /** cluster: are you there? With news of other nodes. */
  Ping = 2,
  /** cluster: you own this version; fetch it and say when it is durable. */
  Propagate = 3,
  /** cluster: ask that node for me whether it is there. */
  Relay = 4,
  /** cluster: which members do you know? */
  Members = 5,
  /** cluster: how are you? */
  Status = 6,
  /** cluster: which version of a resource do you hold as its owner? */
  Held = 7,
  /** cluster: which of the resources that we both own do you hold otherwise? */
  Compare = 8,
  /** cluster: does the conditional write of yours that claimed this version go on? */
  Claim = 9,
}

/** What a server says of one resource. */
export interface LookupAnswer {
  readonly found: boolean;
  /** Where found: */
  readonly version: Version;
  readonly tombstone: boolean;
  /** Bytes of the encoded manifest, and their SHA-256. */
  readonly manifestBytes: number;
  readonly manifestSha256: Uint8Array;
  /** The manifest itself where it fitted into the answer; otherwise it is fetched as block 0xffffffff. */
  readonly manifest?: Manifest;
}

/** The newest version that the asked servers have, its manifest verified, and who has that very version. */
export interface Located {
  readonly manifest: Manifest;
  readonly holders: readonly Address[];
  /** Servers that answered with an older version or none. */
  readonly others: readonly Address[];
  /** Servers that did not answer in time. */
  readonly silent: readonly Address[];
}

export interface FetchOptions {
  /** First block wanted, 0 by default, and the one behind the last. */
  readonly firstBlock?: number;
  readonly endBlock?: number;
  /**
   * Blocks in flight or decoded and not yet taken by the reader, at most. Without it as many as the paths need to be
   * kept busy, within `pouring-rain.fetch-window-bytes`.
   */
  readonly windowBlocks?: number;
  readonly signal?: AbortSignal;
  /** Gives up (MURKY_NO_SERVER) when no server has sent anything useful for this long. */
  readonly stallTimeoutMs?: number;
}

/** A verified block. */
export interface FetchedBlock {
  readonly index: number;
  readonly bytes: Uint8Array;
  /**
   * For who is done with `bytes`, and nobody else has them: their memory is used again and they are empty. Without it the
   * collector finds them, at some cost.
   */
  release?(): void;
}

/** Verified blocks in order. Leaving the loop, or an abort, ends the fetch at every server. */
export interface BlockFetch extends AsyncIterable<FetchedBlock> {
  report(): FetchReport;
  /** Brings in a server that turned up while the fetch runs. */
  addServer(server: Address): void;
}

/** The transport as the cluster sees it: RainEndpoint on real sockets, something simulated in a simulation. */
export interface RainNetwork {
  readonly address: Address;
  /**
   * Sends a request of at most 1171 bytes and resolves with the answer. Repeated until answered: handlers are
   * idempotent. MURKY_TIMEOUT after `timeoutMs` (default 2000).
   */
  request(to: Address, kind: RequestKind, payload: Uint8Array, options?: RequestOptions): Promise<Uint8Array>;
  /** One handler a kind. A handler that throws a MurkyError makes the caller's request reject with the same code. */
  onRequest(kind: RequestKind, handler: (payload: Uint8Array, from: Address) => Promise<Uint8Array>): void;
  lookup(to: Address, id: bigint, options?: RequestOptions): Promise<LookupAnswer>;
  /**
   * Asks all servers and returns the newest version found; undefined if no server that answered has the resource.
   * MURKY_NO_SERVER if none answered; MURKY_VERSION_CONFLICT, naming them, if two have different bytes for one version.
   */
  locate(id: bigint, servers: readonly Address[], options?: LocateOptions): Promise<Located | undefined>;
  /** Fetches the blocks of a version from all `servers` at once. */
  fetch(manifest: Manifest, servers: readonly Address[], options?: FetchOptions): BlockFetch;
}

export interface RequestOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface LocateOptions extends RequestOptions {
  /** The key, where it is known, for errors to name. */
  readonly key?: string;
}
