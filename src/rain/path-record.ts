import * as v from 'valibot';

/** What fetches over one path have shown, as it was at `notedMs`. */
export interface PathRecord {
  /** What the path carries, bits of IP payload per second; 0 if it never was measured. */
  readonly rateBitsPerSecond: number;
  /** Share of what was sent that did not arrive. */
  readonly loss: number;
  /** Without queueing; 0 if it never was measured. */
  readonly roundTripMs: number;
  /** How much the figures are worth: 1 just behind a fetch of a block or more, half of that a day later. */
  readonly weight: number;
  /** Fetches that ended with the server silent or wrong; one counts half after an hour or another fetch that went well. */
  readonly failures: number;
  /** Wall clock. */
  readonly notedMs: number;
  readonly lastSeenMs: number | null;
  /** Longer symbols were found not to come over it. */
  readonly symbolLimit: SymbolLimit | null;
  /** The last fetches, oldest first. */
  readonly fetches: readonly PathForecast[];
}

export interface SymbolLimit {
  readonly bytes: number;
  readonly foundMs: number;
}

/** What was expected of a path before a fetch, and what came. */
export interface PathForecast {
  readonly atMs: number;
  /** Null: nothing was known. */
  readonly predictedBitsPerSecond: number | null;
  readonly measuredBitsPerSecond: number;
}

/** What one fetch saw of a path. */
export interface PathSighting {
  readonly symbols: number;
  readonly lost: number;
  /** 0 if the fetch was too short to tell. */
  readonly rateBitsPerSecond: number;
  readonly roundTripMs: number;
  readonly predictedBitsPerSecond: number;
  readonly failed: boolean;
}

const WEIGHT_HALVES_MS = 86_400_000;
const FAILURE_HALVES_MS = 3_600_000;
/** Below it, after some four days, a path counts as unknown: bad old figures are worse than a fresh start. */
const LEAST_WEIGHT = 0.05;
/** Symbols of a fetch whose figures count in full: one block. */
const SOLID_SYMBOLS = 781;
/** PMTU_RAISE_TIMER of RFC 8899, section 5.1.1: paths change, and then longer symbols are tried again. */
const LIMIT_HOLDS_MS = 600_000;
/** A rate from fewer symbols says more of chance than of the path. */
const LEAST_SYMBOLS = 64;
/** Paths change: what was before counts a quarter of what was seen last. */
const EARLIER_SHARE = 0.25;
const MAX_FORECASTS = 8;
const MAX_FAILURES = 6;

const amount = v.pipe(v.number(), v.finite(), v.minValue(0));
const stored = v.object({
  rateBitsPerSecond: amount,
  loss: v.pipe(amount, v.maxValue(1)),
  roundTripMs: amount,
  weight: v.pipe(amount, v.maxValue(1)),
  failures: v.pipe(amount, v.maxValue(MAX_FAILURES)),
  notedMs: amount,
  lastSeenMs: v.nullable(amount),
  symbolLimit: v.optional(v.nullable(v.object({ bytes: amount, foundMs: amount })), null),
  fetches: v.pipe(
    v.array(v.object({ atMs: amount, predictedBitsPerSecond: v.nullable(amount), measuredBitsPerSecond: amount })),
    v.maxLength(MAX_FORECASTS),
  ),
});

export function encodePath(record: PathRecord): Uint8Array {
  return Buffer.from(JSON.stringify(record));
}

/** Undefined for what is no record. */
export function decodePath(bytes: Uint8Array): PathRecord | undefined {
  try {
    return v.parse(stored, JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch {
    return undefined;
  }
}

/** What the path is expected to carry now; 0 if nothing is known. A path that failed has to prove itself with less. */
export function predictRate(record: PathRecord, nowMs: number): number {
  const { weight, failures } = aged(record, nowMs);
  return weight < LEAST_WEIGHT ? 0 : Math.round(record.rateBitsPerSecond * 2 ** -failures);
}

/** Bytes of the longest symbols that come over the path; undefined if nothing is known, or no longer. */
export function symbolLimit({ symbolLimit }: PathRecord, nowMs: number): number | undefined {
  return symbolLimit && Math.abs(nowMs - symbolLimit.foundMs) < LIMIT_HOLDS_MS ? symbolLimit.bytes : undefined;
}

/** The record after longer symbols than these were found not to come. */
export function limitSymbols(before: PathRecord | undefined, bytes: number, nowMs: number): PathRecord {
  return { ...(before ?? { ...NOTHING, notedMs: nowMs }), symbolLimit: { bytes, foundMs: nowMs } };
}

/** The record with its weight and failures as they are at `nowMs`. A clock that was set back adds nothing. */
export function aged(record: PathRecord, nowMs: number): PathRecord {
  const ageMs = Math.max(0, nowMs - record.notedMs);
  const weight = record.weight * 2 ** (-ageMs / WEIGHT_HALVES_MS);
  const failures = record.failures * 2 ** (-ageMs / FAILURE_HALVES_MS);
  return { ...record, weight, failures, notedMs: nowMs };
}

/** The record after one more fetch. */
export function learn(before: PathRecord | undefined, seen: PathSighting, nowMs: number): PathRecord {
  const old = before ? aged(before, nowMs) : NOTHING;
  const failures = seen.failed ? Math.min(old.failures + 1, MAX_FAILURES) : old.failures / 2;
  if (seen.symbols === 0) return { ...old, failures, notedMs: nowMs };
  const newWeight = Math.min(1, seen.symbols / SOLID_SYMBOLS);
  const oldWeight = old.weight * EARLIER_SHARE;
  const blend = (was: number, is: number) => (was * oldWeight + is * newWeight) / (oldWeight + newWeight);
  const measured = seen.rateBitsPerSecond > 0 && seen.symbols >= LEAST_SYMBOLS;
  const forecast = {
    atMs: nowMs,
    predictedBitsPerSecond: seen.predictedBitsPerSecond || null,
    measuredBitsPerSecond: seen.rateBitsPerSecond,
  };
  return {
    rateBitsPerSecond: measured
      ? Math.round(blend(old.rateBitsPerSecond, seen.rateBitsPerSecond))
      : old.rateBitsPerSecond,
    loss: blend(old.loss, seen.lost / (seen.symbols + seen.lost)),
    roundTripMs:
      seen.roundTripMs > 0 && old.roundTripMs > 0
        ? blend(old.roundTripMs, seen.roundTripMs)
        : seen.roundTripMs || old.roundTripMs,
    weight: measured ? Math.max(newWeight, old.weight) : old.weight,
    failures,
    notedMs: nowMs,
    lastSeenMs: nowMs,
    symbolLimit: old.symbolLimit,
    fetches: measured ? [...old.fetches, forecast].slice(-MAX_FORECASTS) : old.fetches,
  };
}

const NOTHING: PathRecord = {
  rateBitsPerSecond: 0,
  loss: 0,
  roundTripMs: 0,
  weight: 0,
  failures: 0,
  notedMs: 0,
  lastSeenMs: null,
  symbolLimit: null,
  fetches: [],
};
