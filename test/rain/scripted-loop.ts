import {
  type FetchReport,
  type FetchServer,
  type FetchSpec,
  type HeldBlock,
  type LoopEvent,
  type NativeLoop,
  type ServerReport,
  ServerState,
} from '../../src/native/addon.js';
import { RainEndpoint, type RainEndpointOptions } from '../../src/rain/endpoint.js';
import type { Clock } from '../../src/seam/clock.js';
import type { FilePlace } from '../../src/seam/file-place.js';

/** A packet loop that does nothing but note what it is told; the test plays the network by `emit`. */
export class ScriptedLoop implements NativeLoop {
  readonly opened: FetchSpec[] = [];
  readonly wanted: { fetch: number; block: number }[] = [];
  readonly added: { fetch: number; host: string; port: number }[] = [];
  readonly removed: { fetch: number; server: number }[] = [];
  readonly closedFetches: number[] = [];
  readonly requests: { id: bigint; host: string; port: number; payload: Uint8Array }[] = [];
  readonly cancelled: bigint[] = [];
  readonly responses: { handle: bigint; payload: Uint8Array }[] = [];
  readonly provided: { block: number; bytes: Uint8Array }[] = [];
  /** From files; `inFile` is what is found there. */
  readonly places: FilePlace[] = [];
  inFile = true;
  readonly refused: { block: number; reason: number }[] = [];
  /** What reports say of the servers, where the test has its own figures. */
  reported: ServerReport[] | undefined;
  /** What is said of the symbols of any block. */
  wrong: number[] = [];
  /** Of every path. */
  mtu = 1500;
  /** As reports have it. */
  lookAheadBytes = 0;
  decoderBytes = 0;
  /** Sum of useful symbols that reports speak of. */
  useful = 0;
  closed = 0;

  constructor(private readonly onEvents: (events: LoopEvent[]) => void) {}

  emit(...events: LoopEvent[]): void {
    this.onEvents(events);
  }

  address() {
    return { host: '127.0.0.1', port: 4000 };
  }
  provideBlock(_resource: bigint, _version: Uint8Array, block: number, bytes: Uint8Array | HeldBlock) {
    this.provided.push({ block, bytes: bytes instanceof Uint8Array ? bytes : bytes.copy() });
  }
  async provideFromFile(_resource: bigint, _version: Uint8Array, _block: number, place: FilePlace) {
    this.places.push(place);
    return this.inFile;
  }
  refuseBlock(_resource: bigint, _version: Uint8Array, block: number, reason: number) {
    this.refused.push({ block, reason });
  }
  forgetResource() {}
  openFetch(spec: FetchSpec) {
    return this.opened.push(spec);
  }
  want(fetch: number, block: number) {
    this.wanted.push({ fetch, block });
    return true;
  }
  addServer(fetch: number, { host, port }: FetchServer) {
    this.added.push({ fetch, host, port });
    return true;
  }
  removeServer(fetch: number, server: number) {
    this.removed.push({ fetch, server });
    return true;
  }
  fetchReport(fetch: number): FetchReport {
    const servers =
      this.reported ??
      this.opened[fetch - 1]!.servers.map((server, index) => ({
        ...server,
        state: ServerState.Alive,
        reason: 0,
        symbols: 0,
        useful: index === 0 ? this.useful : 0,
        lost: 0,
        rateBitsPerSecond: 0,
        capacityBitsPerSecond: 0,
        roundTripMs: 0,
      }));
    return {
      servers,
      blocks: 0,
      sourceSymbols: 0,
      decodingSymbols: 0,
      decoderBytes: this.decoderBytes,
      lookAheadBytes: this.lookAheadBytes,
    };
  }
  pathMtu() {
    return this.mtu;
  }
  wrongSymbols() {
    return this.wrong;
  }
  closeFetch(fetch: number) {
    this.closedFetches.push(fetch);
  }
  cancelRequest(id: bigint) {
    this.cancelled.push(id);
  }
  request(id: bigint, host: string, port: number, payload: Uint8Array) {
    this.requests.push({ id, host, port, payload });
    return true;
  }
  respond(handle: bigint, payload: Uint8Array) {
    this.responses.push({ handle, payload });
  }
  replaceKeys() {}
  setDropFraction() {}
  counters() {
    return {};
  }
  close() {
    this.closed++;
  }
}

const opened: RainEndpoint[] = [];

/** An open fetch would keep the process of a failed test alive. */
export async function closeScripted(): Promise<void> {
  await Promise.all(opened.splice(0).map((endpoint) => endpoint.close()));
}

export async function openScripted(options: RainEndpointOptions = {}) {
  let loop: ScriptedLoop | undefined;
  const endpoint = await RainEndpoint.open(options, (_, onEvents) => {
    loop = new ScriptedLoop(onEvents);
    return loop;
  });
  opened.push(endpoint);
  return { endpoint, loop: loop! };
}

/** Time that passes when the test says so. */
export class ManualClock implements Clock {
  #now = 0;
  readonly #due = new Set<{ at: number; run: () => void }>();

  now() {
    return this.#now;
  }
  monotonic() {
    return this.#now;
  }
  after(delayMs: number, run: () => void) {
    const entry = { at: this.#now + delayMs, run };
    this.#due.add(entry);
    return () => void this.#due.delete(entry);
  }
  advance(ms: number) {
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#due].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#now = next.at;
      this.#due.delete(next);
      next.run();
    }
    this.#now = end;
  }
}

/** Lets everything run that only waits for promises. */
export const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
