import type { Clock } from '../seam/clock.js';
import type { Log } from '../seam/log.js';
import { formatAddress } from './address.js';
import type { Address } from './contract.js';

export const DEFAULT_QUARANTINE_MS = 60_000;
/** Each time again twice as long, up to so many times the first. */
const LONGEST = 64;
/** Servers remembered; beyond it the one that offended longest ago is forgotten. */
export const MAX_QUARANTINED = 1024;

/** What a server did, in plain values. */
export interface Offence {
  /** `host:port` */
  readonly server: string;
  readonly resource: string;
  readonly block: number;
  /** Symbols proved wrong, where they were counted. */
  readonly wrongSymbols: number;
  /** Times that it was caught, this one included. */
  readonly offences: number;
  /** It is left out of fetches for so long. */
  readonly quarantineMs: number;
}

export interface QuarantineView extends Offence {
  /** 0: it is over, but not forgotten. */
  readonly leftMs: number;
}

interface Entry {
  readonly offence: Offence;
  readonly untilMs: number;
}

/**
 * Servers that sent wrong bytes, left out of fetches for a time that doubles with each offence. Forgotten once they
 * have been out of quarantine for as long as they were in it.
 */
export class Quarantine {
  /** The one that offended last at the end. */
  readonly #entries = new Map<string, Entry>();

  constructor(
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly firstMs = DEFAULT_QUARANTINE_MS,
    private readonly onOffence: (offence: Offence) => void = () => {},
  ) {}

  holds(server: Address): boolean {
    const entry = this.#entries.get(formatAddress(server));
    return entry !== undefined && this.clock.monotonic() < entry.untilMs;
  }

  /** A server was caught. While it is held already, what else it sent before that counts as the same offence. */
  add(server: Address, what: Pick<Offence, 'resource' | 'block' | 'wrongSymbols'>): void {
    if (this.holds(server)) return;
    this.#forget();
    const text = formatAddress(server);
    const offences = (this.#entries.get(text)?.offence.offences ?? 0) + 1;
    const quarantineMs = this.firstMs * Math.min(2 ** (offences - 1), LONGEST);
    const offence = { server: text, ...what, offences, quarantineMs };
    this.#entries.delete(text);
    this.#entries.set(text, { offence, untilMs: this.clock.monotonic() + quarantineMs });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MAX_QUARANTINED && oldest !== undefined) this.#entries.delete(oldest);
    this.log.warn(offence, 'A server sent wrong bytes and is in quarantine.');
    this.onOffence(offence);
  }

  view(): QuarantineView[] {
    this.#forget();
    const now = this.clock.monotonic();
    return [...this.#entries.values()].map(({ offence, untilMs }) => ({
      ...offence,
      leftMs: Math.max(0, untilMs - now),
    }));
  }

  #forget(): void {
    const now = this.clock.monotonic();
    for (const [text, { offence, untilMs }] of this.#entries) {
      if (now >= untilMs + offence.quarantineMs) this.#entries.delete(text);
    }
  }
}
