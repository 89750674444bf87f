import { type FetchReport, ServerState } from '../native/addon.js';
import { formatAddress } from './address.js';
import type { Address } from './contract.js';
import type { FetchPlan } from './plan.js';
import type { FetchHost } from './session.js';
import { isSearching, longestThatComes } from './size-search.js';

const LOOK_EVERY_MS = 250;
/** Nothing has come from a server for so long although it was asked: its path may swallow what is long. */
const NOTHING_FOR_MS = 1000;
/** Pause between two searches over one path, doubled each time. */
const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 60_000;

export interface SizeEvents {
  /** The plan as it is now. */
  plan(): FetchPlan;
  /** Servers that are asked; none while nothing is. */
  asked(): readonly Address[];
  report(): FetchReport | undefined;
  /** Over some path nothing longer comes. */
  shorten(symbolBytes: number): void;
}

interface Path {
  symbols: number;
  sinceMs: number;
  notBeforeMs: number;
  pauseMs: number;
}

/**
 * Finds paths that swallow long datagrams without a word, as where ICMP is filtered (a black hole; RFC 8899, sections 4.3
 * and 5.3.3): from a server nothing comes, while shorter symbols do. What it finds goes into the history.
 */
export class SizeWatch {
  readonly #paths = new Map<string, Path>();
  readonly #ending = new AbortController();
  #cancel: () => void;

  constructor(
    private readonly host: FetchHost,
    private readonly events: SizeEvents,
  ) {
    this.#cancel = this.#again();
  }

  stop(): void {
    this.#cancel();
    this.#ending.abort();
  }

  #again(): () => void {
    return this.host.clock.after(LOOK_EVERY_MS, () => this.#look());
  }

  #look(): void {
    this.#cancel = this.#again();
    const now = this.host.clock.monotonic();
    const asked = new Map(this.events.asked().map((server) => [formatAddress(server), server]));
    for (const { host, port, symbols, state } of this.events.report()?.servers ?? []) {
      const name = formatAddress({ host, port });
      const known = this.#paths.get(name);
      const path = known ?? { symbols, sinceMs: now, notBeforeMs: 0, pauseMs: FIRST_PAUSE_MS };
      this.#paths.set(name, path);
      const server = asked.get(name);
      if (!server || symbols !== path.symbols || state === ServerState.Refused) {
        path.symbols = symbols;
        path.sinceMs = now;
      } else if (now - path.sinceMs >= NOTHING_FOR_MS && now >= path.notBeforeMs && !isSearching(this.host)) {
        path.notBeforeMs = now + path.pauseMs;
        path.pauseMs = Math.min(2 * path.pauseMs, LONGEST_PAUSE_MS);
        void this.#search(server);
      }
    }
  }

  async #search(server: Address): Promise<void> {
    const plan = this.events.plan();
    const known = this.host.history.symbolLimit(server); // another fetch may have found it meanwhile
    if (known !== undefined && known < plan.symbolBytes) return this.events.shorten(known);
    const longest = await longestThatComes(this.host, plan, server, this.#ending.signal);
    if (longest === undefined || longest >= plan.symbolBytes || this.#ending.signal.aborted) return;
    const facts = { server: formatAddress(server), symbolBytes: longest, before: plan.symbolBytes };
    this.host.log.info(facts, 'A path swallows long datagrams; shorter symbols are asked for.');
    this.host.history.limitSymbols(server, longest);
    this.events.shorten(longest);
  }
}
