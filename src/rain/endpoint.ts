import { isIP, isIPv4, isIPv6 } from 'node:net';
import { MurkyError } from '../errors.js';
import type { LoopEvent, LoopOptions, NativeLoop } from '../native/addon.js';
import type { Manifest } from '../object/manifest.js';
import { type Clock, systemClock } from '../seam/clock.js';
import { type Log, silentLog } from '../seam/log.js';
import { type Random, systemRandom } from '../seam/random.js';
import { checkAddress, formatAddress, isLoopback, type ResolveHost, systemResolver } from './address.js';
import {
  type BindOptions,
  bindLoop,
  checkFraction,
  checkKeys,
  familyOf,
  loopOptions,
  type MakeLoop,
  makeNativeLoop,
} from './bind.js';
import {
  type Address,
  type BlockSource,
  type FetchOptions,
  type Located,
  type LocateOptions,
  type LookupAnswer,
  type RainNetwork,
  RequestKind,
  type RequestOptions,
} from './contract.js';
import { VerifiedFetch } from './fetch.js';
import { KeepAlive } from './keep-alive.js';
import { locate } from './locate.js';
import { decodeLookupAnswer, encodeLookup } from './lookup.js';
import { PathHistory } from './path-history.js';
import { planBlocks } from './plan.js';
import { type Offence, Quarantine, type QuarantineView } from './quarantine.js';
import type { RunningFetch } from './report.js';
import { type RequestHandler, Requests } from './requests.js';
import { Serving } from './serving.js';
import type { FetchEvent, FetchHost } from './session.js';

export interface RainEndpointOptions extends BindOptions {
  readonly log?: Log;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly resolveHost?: ResolveHost;
  /** What is known of paths; by default it begins empty and ends with the endpoint. */
  readonly history?: PathHistory;
  /** How long a server that sent wrong bytes is left out of fetches the first time; a minute by default. */
  readonly quarantineMs?: number;
  /** Memory for the blocks of one fetch, being decoded or waiting for the reader; {@link DEFAULT_FETCH_WINDOW_BYTES} by default. */
  readonly fetchWindowBytes?: number;
  /** Called when a server is caught with wrong bytes. */
  readonly onOffence?: (offence: Offence) => void;
}

/** Memory that the blocks of one fetch may take. */
export const DEFAULT_FETCH_WINDOW_BYTES = 46 * 2 ** 20;

/** What members of a multicast group take for it, so that all of them cut blocks alike. */
const GROUP_MTU = 1420;

type EndpointSeams = Required<
  Pick<RainEndpointOptions, 'log' | 'clock' | 'random' | 'resolveHost' | 'history' | 'fetchWindowBytes'>
> & { readonly quarantine: Quarantine };

/** One UDP socket that speaks Pouring Rain: serves blocks, fetches them, and carries requests. */
export class RainEndpoint implements RainNetwork {
  readonly address: Address;
  readonly sealed: boolean;
  readonly #loop: NativeLoop;
  readonly #requests: Requests;
  readonly #serving: Serving;
  readonly #keepAlive = new KeepAlive(this);
  readonly #fetchSinks = new Map<number, (event: FetchEvent) => void>();
  /** How each running fetch is ended. */
  readonly #fetches = new Map<Parameters<FetchHost['onStart']>[0], (error: MurkyError) => void>();
  readonly #fetchHost: FetchHost;
  #stopServing: () => void = () => {};
  #closed = false;

  /**
   * Binds. MURKY_INSECURE_REFUSED for an address that others reach without a key or `insecure`; MURKY_ADDRESS_IN_USE and
   * MURKY_ADDRESS_UNUSABLE for what the system refuses; MURKY_BAD_CLUSTER_KEY, MURKY_BAD_ARGUMENT, MURKY_NO_CRYPTO.
   */
  static async open(options: RainEndpointOptions = {}, makeLoop: MakeLoop = makeNativeLoop): Promise<RainEndpoint> {
    const {
      log = silentLog,
      clock = systemClock,
      random = systemRandom,
      resolveHost = systemResolver,
      history = new PathHistory(clock, log),
      quarantineMs,
      onOffence,
      fetchWindowBytes = DEFAULT_FETCH_WINDOW_BYTES,
      ...bind
    } = options;
    const quarantine = new Quarantine(clock, log, quarantineMs, onOffence);
    return new RainEndpoint(
      await loopOptions(bind, resolveHost),
      { log, clock, random, resolveHost, history, quarantine, fetchWindowBytes },
      makeLoop,
    );
  }

  private constructor(
    private readonly options: LoopOptions,
    private readonly seams: EndpointSeams,
    makeLoop: MakeLoop,
  ) {
    const { log, clock, random, history, quarantine, fetchWindowBytes } = seams;
    this.sealed = options.keys !== undefined;
    this.#loop = bindLoop(options, (events) => this.#onEvents(events), makeLoop);
    this.address = this.#loop.address();
    this.#requests = new Requests(this.#loop, random, log);
    this.#serving = new Serving(this.#loop, log);
    this.#requests.handle(RequestKind.Lookup, (body) => this.#serving.lookup(body));
    this.#fetchHost = {
      loop: this.#loop,
      clock,
      log,
      history,
      quarantine,
      windowBytes: fetchWindowBytes,
      route: (fetch, sink) => {
        if (sink) this.#fetchSinks.set(fetch, sink);
        else this.#fetchSinks.delete(fetch);
      },
      onStart: (fetch, end) => this.#onStart(fetch, end),
      resolve: (address) => this.resolve(address),
      pathMtu: ({ host, port }) =>
        Math.min(this.#loop.pathMtu(host, port), options.multicastGroup ? GROUP_MTU : Infinity),
      lookup: (to, id, requestOptions) => this.lookup(to, id, requestOptions),
    };
  }

  /** Serves from `source` from now on, and keeps the process alive meanwhile; undefined: serves nothing. */
  serve(source: BlockSource | undefined): void {
    this.#serving.source = source;
    this.#stopServing();
    this.#stopServing = source && !this.#closed ? this.#keepAlive.hold() : () => {};
  }

  /** To be called when a version is no longer to be served: its blocks may still be in the memory of the loop. */
  forget(id: bigint): void {
    if (!this.#closed) this.#loop.forgetResource(id);
  }

  /** The numeric form of an address. MURKY_NODE_UNREACHABLE if there is none that this endpoint can send to. */
  async resolve(address: Address): Promise<Address> {
    const { host, port } = checkAddress(address);
    const family = familyOf(this.address.host);
    const numeric = isIP(host) ? host : await this.#lookUpName(host, family);
    if (numeric.includes('%')) {
      throw new MurkyError('MURKY_NODE_UNREACHABLE', `${numeric} names a zone, and such addresses are not spoken to.`, {
        hint: 'Give an address that means the same on every link.',
      });
    }
    if ((family === 4 && isIPv6(numeric)) || (family === 6 && isIPv4(numeric))) {
      throw new MurkyError('MURKY_NODE_UNREACHABLE', `${numeric} cannot be reached from ${this.address.host}.`, {
        hint: 'Bind an address of the same family, or :: for both.',
      });
    }
    if (this.options.loopbackOnly && !isLoopback(numeric)) {
      throw new MurkyError('MURKY_INSECURE_REFUSED', `${formatAddress({ host: numeric, port })} is another machine.`, {
        hint: 'Give a cluster key ("murky keygen" makes one), or set insecure to speak unsealed on purpose.',
      });
    }
    return { host: numeric, port };
  }

  async request(to: Address, kind: RequestKind, payload: Uint8Array, options?: RequestOptions): Promise<Uint8Array> {
    const release = this.#keepAlive.hold();
    try {
      const resolved = await this.resolve(to);
      this.#checkOpen();
      return await this.#requests.send(resolved, kind, payload, options);
    } finally {
      release();
    }
  }

  onRequest(kind: RequestKind, handler: RequestHandler): void {
    this.#requests.handle(kind, handler);
  }

  async lookup(to: Address, id: bigint, options?: RequestOptions): Promise<LookupAnswer> {
    return decodeLookupAnswer(await this.request(to, RequestKind.Lookup, encodeLookup(id), options), id);
  }

  locate(id: bigint, servers: readonly Address[], options?: LocateOptions): Promise<Located | undefined> {
    return locate(this.#fetchHost, id, servers, options);
  }

  fetch(manifest: Manifest, servers: readonly Address[], options: FetchOptions = {}): VerifiedFetch {
    return new VerifiedFetch(this.#fetchHost, planBlocks(manifest, options), servers, options);
  }

  /** Servers that were caught with wrong bytes, the last one at the end. */
  quarantined(): QuarantineView[] {
    return this.seams.quarantine.view();
  }

  /** The fetches of objects that run now, the oldest first. */
  fetches(): RunningFetch[] {
    return [...this.#fetches.keys()].flatMap((fetch) => fetch.running() ?? []);
  }

  /**
   * Seals with the first of these keys from now on and opens with all of them; what runs goes on. MURKY_BAD_CLUSTER_KEY
   * for keys that open() would refuse, or where this endpoint speaks in clear; then those it has stay.
   */
  replaceKeys(keys: readonly Uint8Array[]): void {
    if (!this.sealed) {
      throw new MurkyError('MURKY_BAD_CLUSTER_KEY', 'What speaks in clear takes up a cluster key only at its start.');
    }
    const checked = checkKeys(keys);
    if (!this.#closed) this.#loop.replaceKeys(checked);
  }

  setDropFraction(fraction: number): void {
    checkFraction(fraction);
    if (!this.#closed) this.#loop.setDropFraction(fraction);
  }

  /** What the packet loop has counted since it began: EngineCounters of native/rain/engine.h. */
  counters(): Record<string, number> {
    return this.#loop.counters();
  }

  /** Ends all fetches and requests with MURKY_CLOSED and frees the port. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const error = closedError();
    this.#serving.close();
    this.#stopServing();
    for (const end of [...this.#fetches.values()]) end(error);
    this.#requests.close(error);
    this.#loop.close();
  }

  #onStart(...[fetch, end]: Parameters<FetchHost['onStart']>): () => void {
    this.#checkOpen();
    const release = this.#keepAlive.hold();
    this.#fetches.set(fetch, end);
    return () => {
      release();
      this.#fetches.delete(fetch);
    };
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError();
  }

  async #lookUpName(host: string, family: 0 | 4 | 6): Promise<string> {
    try {
      return await this.seams.resolveHost(host, family);
    } catch (cause) {
      throw new MurkyError('MURKY_NODE_UNREACHABLE', `The host name ${host} does not resolve to an address.`, {
        cause,
      });
    }
  }

  #onDecoded(event: Extract<LoopEvent, { type: 'blockDecoded' }>): void {
    const sink = this.#fetchSinks.get(event.fetch);
    if (sink) sink(event);
    else event.bytes.drop(); // of a fetch that has ended
  }

  #onEvents(events: LoopEvent[]): void {
    for (const event of events) {
      if (this.#closed) return;
      switch (event.type) {
        case 'blockNeeded':
          this.#serving.onBlockNeeded(event);
          break;
        case 'blockDecoded':
          this.#onDecoded(event);
          break;
        case 'serverState':
          this.#fetchSinks.get(event.fetch)?.(event);
          break;
        case 'request':
          void this.#requests.onRequest(event.handle, { host: event.host, port: event.port }, event.payload);
          break;
        case 'response':
          this.#requests.onResponse(event.id, event.payload);
          break;
        case 'timeout':
          this.#requests.onTimeout(event.id);
          break;
      }
    }
  }
}

function closedError(): MurkyError {
  return new MurkyError('MURKY_CLOSED', 'The rain endpoint has been closed.');
}
