import { RefuseReason, type ServerReport, ServerState } from '../native/addon.js';
import type { Clock } from '../seam/clock.js';
import type { Log } from '../seam/log.js';
import { formatAddress } from './address.js';
import type { Address } from './contract.js';
import {
  aged,
  decodePath,
  encodePath,
  learn,
  limitSymbols,
  type PathRecord,
  predictRate,
  symbolLimit,
} from './path-record.js';

/** Paths remembered; beyond it the one that was noted longest ago is forgotten. */
export const MAX_PATHS = 1024;
/** Changes are written together: a node that serves small objects ends thousands of fetches a second. */
const WRITE_AFTER_MS = 5000;
const PREFIX = 'path/';

/** Where the history outlives the process. */
export interface PathStorage {
  put(key: string, value: Uint8Array): Promise<void>;
  delete(key: string): Promise<void>;
  entries(prefix: string): AsyncIterable<[key: string, value: Uint8Array]>;
}

/** A path as it is shown: its record as of now, and what is expected of it. */
export interface PathView extends Omit<PathRecord, 'notedMs' | 'symbolLimit'> {
  /** `host:port` */
  readonly address: string;
  /** Null: unknown, or too long ago. */
  readonly predictedBitsPerSecond: number | null;
  /** Longer symbols do not come over it; null: not that it were known. */
  readonly symbolLimitBytes: number | null;
  readonly lastSeenSecondsAgo: number | null;
}

/**
 * What earlier fetches say of each server's path: how fast the next one may start, and how well that was foretold.
 * Without a storage it lasts as long as the process.
 */
export class PathHistory {
  /** By address, the one noted last at the end. */
  readonly #paths = new Map<string, PathRecord>();
  readonly #changed = new Set<string>();
  #cancel: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly storage?: PathStorage,
  ) {}

  /** Takes up what an earlier run wrote; what cannot be read is dropped. */
  async load(): Promise<void> {
    const found: [string, PathRecord][] = [];
    for await (const [key, bytes] of this.storage?.entries(PREFIX) ?? []) {
      const record = decodePath(bytes);
      if (record) found.push([key.slice(PREFIX.length), record]);
      else this.#change(key.slice(PREFIX.length));
    }
    found.sort(([, a], [, b]) => a.notedMs - b.notedMs);
    for (const [address, record] of found) this.#set(address, record);
  }

  /** What the path to a server is expected to carry, bits per second; 0 if unknown. */
  predict(server: Address): number {
    const record = this.#paths.get(formatAddress(server));
    return record ? predictRate(record, this.clock.now()) : 0;
  }

  /** Takes in what a fetch reports of a server at its end; `predicted` is what {@link predict} said at its start. */
  note(report: ServerReport, predicted: number): void {
    const failed =
      report.state === ServerState.Silent ||
      (report.state === ServerState.Refused && report.reason === RefuseReason.Unreadable);
    if (report.symbols === 0 && !failed) return;
    const { symbols, lost, capacityBitsPerSecond, roundTripMs } = report;
    const figures = { symbols, lost, rateBitsPerSecond: capacityBitsPerSecond, roundTripMs };
    this.#learn(formatAddress(report), { ...figures, predictedBitsPerSecond: predicted, failed });
  }

  /** Bytes of the longest symbols that come over the path to a server; undefined if nothing is known. */
  symbolLimit(server: Address): number | undefined {
    const record = this.#paths.get(formatAddress(server));
    return record && symbolLimit(record, this.clock.now());
  }

  /** Longer symbols than these were found not to come. */
  limitSymbols(server: Address, bytes: number): void {
    const address = formatAddress(server);
    this.#set(address, limitSymbols(this.#paths.get(address), bytes, this.clock.now()));
    this.#change(address);
  }

  /** A server sent wrong bytes. */
  failed(server: Address): void {
    const nothing = { symbols: 0, lost: 0, rateBitsPerSecond: 0, roundTripMs: 0, predictedBitsPerSecond: 0 };
    this.#learn(formatAddress(server), { ...nothing, failed: true });
  }

  /** Every path, the one noted last first. */
  view(): PathView[] {
    const now = this.clock.now();
    return [...this.#paths].reverse().map(([address, record]) => {
      const { notedMs: _, symbolLimit: __, ...figures } = aged(record, now);
      const { lastSeenMs } = figures;
      return {
        address,
        predictedBitsPerSecond: predictRate(record, now) || null,
        symbolLimitBytes: symbolLimit(record, now) ?? null,
        lastSeenSecondsAgo: lastSeenMs === null ? null : Math.max(0, (now - lastSeenMs) / 1000),
        ...figures,
      };
    });
  }

  /** Writes what is not written yet. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    this.#write();
    await this.#writing;
  }

  #learn(address: string, seen: Parameters<typeof learn>[1]): void {
    this.#set(address, learn(this.#paths.get(address), seen, this.clock.now()));
    this.#change(address);
  }

  #set(address: string, record: PathRecord): void {
    this.#paths.delete(address);
    this.#paths.set(address, record);
    if (this.#paths.size <= MAX_PATHS) return;
    const [oldest] = this.#paths.keys();
    if (oldest === undefined) return;
    this.#paths.delete(oldest);
    this.#change(oldest);
  }

  #change(address: string): void {
    if (!this.storage || this.#closed) return;
    this.#changed.add(address);
    this.#cancel ??= this.clock.after(WRITE_AFTER_MS, () => this.#write());
  }

  #write(): void {
    this.#cancel = undefined;
    const changed = [...this.#changed];
    this.#changed.clear();
    const { storage } = this;
    if (!storage || changed.length === 0) return;
    this.#writing = this.#writing
      .then(() => Promise.all(changed.map((address) => this.#writeOne(storage, address))))
      .then(() => {})
      .catch((error) => this.log.warn({ error: String(error) }, 'What is known of paths could not be kept.'));
  }

  #writeOne(storage: PathStorage, address: string): Promise<void> {
    const record = this.#paths.get(address);
    return record ? storage.put(PREFIX + address, encodePath(record)) : storage.delete(PREFIX + address);
  }
}
