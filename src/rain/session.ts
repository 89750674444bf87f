import { MurkyError } from '../errors.js';
import {
  type FetchReport,
  type FetchServer,
  type HeldBlock,
  type LoopEvent,
  type NativeLoop,
  type RefuseReason,
  ServerState,
} from '../native/addon.js';
import { versionToBytes } from '../object/version.js';
import type { Clock } from '../seam/clock.js';
import type { Log } from '../seam/log.js';
import { formatAddress } from './address.js';
import type { Address, LookupAnswer, RequestOptions } from './contract.js';
import type { PathHistory } from './path-history.js';
import type { FetchPlan, PlannedBlock } from './plan.js';
import type { Quarantine } from './quarantine.js';
import type { RunningFetch } from './report.js';

export type FetchEvent = Extract<LoopEvent, { fetch: number }>;

/** What a fetch needs of the endpoint that it runs on. */
export interface FetchHost {
  readonly loop: NativeLoop;
  readonly clock: Clock;
  readonly log: Log;
  readonly history: PathHistory;
  readonly quarantine: Quarantine;
  /** Memory that the blocks of one fetch may take: being decoded, or decoded and not yet taken by the reader. */
  readonly windowBytes: number;
  /** Sends the events of one native fetch to `sink`, or nowhere. */
  route(fetch: number, sink: ((event: FetchEvent) => void) | undefined): void;
  /**
   * Registers a fetch that begins and how it ends, with the error given, when the endpoint closes; keeps the process
   * alive until undone.
   */
  onStart(fetch: { running(): RunningFetch | undefined }, end: (error: MurkyError) => void): () => void;
  resolve(address: Address): Promise<Address>;
  /** Of the path to a resolved address, in bytes of IP packet; 0: unknown. */
  pathMtu(server: Address): number;
  lookup(to: Address, id: bigint, options?: RequestOptions): Promise<LookupAnswer>;
}

export interface SessionEvents {
  /** `givers`: servers of which at least one symbol is in the block, which is now the listener's to take or drop. */
  decoded(block: number, bytes: HeldBlock, givers: Address[]): void;
  refused(server: Address, reason: RefuseReason): void;
}

/** One fetch of the native loop, its servers named by address. */
export class Session {
  readonly #fetch: number;
  readonly #servers: Address[];
  /** What the history foretold of each server, in bits per second, at the same index. */
  readonly #predicted: number[];
  #lastReport: FetchReport | undefined;
  #open = true;

  /** `servers` have numeric hosts. `noted`: the history is to hear of it. MURKY_BUSY if the loop runs as many fetches as it may. */
  constructor(
    private readonly host: FetchHost,
    plan: FetchPlan,
    servers: readonly Address[],
    private readonly events: SessionEvents,
    private readonly noted = true,
  ) {
    this.#servers = [...servers];
    this.#predicted = servers.map((server) => host.history.predict(server));
    this.#fetch = host.loop.openFetch({
      resource: plan.resource,
      version: versionToBytes(plan.version),
      symbolBytes: plan.symbolBytes,
      blocks: plan.end - plan.first,
      servers: servers.map((server, index) => withRate(server, this.#predicted[index])),
    });
    if (this.#fetch === 0) {
      throw new MurkyError('MURKY_BUSY', 'As many fetches run as are allowed at once.', {
        hint: 'Try again when one of them has ended.',
      });
    }
    host.route(this.#fetch, (event) => this.#onEvent(event));
  }

  want(block: PlannedBlock): void {
    if (!this.#open || this.host.loop.want(this.#fetch, block.number, block.bytes)) return;
    throw new MurkyError('MURKY_BUSY', 'The fetch has as many blocks under way as are allowed at once.');
  }

  addServer(server: Address): void {
    const predicted = this.host.history.predict(server);
    if (!this.#open || !this.host.loop.addServer(this.#fetch, withRate(server, predicted))) return;
    this.#servers.push(server);
    this.#predicted.push(predicted);
  }

  removeServer(server: Address): void {
    const text = formatAddress(server);
    this.#servers.forEach((known, index) => {
      if (this.#open && formatAddress(known) === text) this.host.loop.removeServer(this.#fetch, index);
    });
  }

  /** Who gave symbols to a block that are not those of the true one, `bytes`, and how many. */
  wrongSymbols(block: number, bytes: Uint8Array): { server: Address; count: number }[] {
    const counts = this.#open ? this.host.loop.wrongSymbols(this.#fetch, block, bytes) : [];
    return this.#servers.flatMap((server, index) => (counts[index] ? [{ server, count: counts[index] }] : []));
  }

  /** Also after the end. */
  report(): FetchReport | undefined {
    if (this.#open) this.#lastReport = this.host.loop.fetchReport(this.#fetch) ?? this.#lastReport;
    return this.#lastReport;
  }

  /** Ends the fetch at every server; what it saw of their paths goes into the history. Idempotent. */
  close(): void {
    if (!this.#open) return;
    for (const [index, server] of (this.report()?.servers ?? []).entries()) {
      if (this.noted) this.host.history.note(server, this.#predicted[index] ?? 0);
    }
    this.#open = false;
    this.host.route(this.#fetch, undefined);
    this.host.loop.closeFetch(this.#fetch);
  }

  #onEvent(event: FetchEvent): void {
    if (event.type === 'blockDecoded') {
      const givers = this.#servers.filter((_, index) => (event.fromServers[index] ?? 0) > 0);
      this.events.decoded(event.block, event.bytes, givers);
    } else if (event.state === ServerState.Refused) {
      const server = this.#servers[event.server];
      if (server) this.events.refused(server, event.reason);
    }
  }
}

function withRate({ host, port }: Address, knownRateBitsPerSecond = 0): FetchServer {
  return { host, port, ...(knownRateBitsPerSecond > 0 && { knownRateBitsPerSecond }) };
}
