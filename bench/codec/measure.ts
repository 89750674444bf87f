import { addon, type DecodeFigures } from '../../src/native/addon.js';
import { JS_LOSS, measureJavaScriptDecode, measureJavaScriptEncode } from './javascript.js';
import { median, summary } from './statistics.js';

export const LOSSES = [0, 0.01, 0.05, 0.1, 0.2, 0.5, 1] as const;
export const BENCH_SIZES = [16, 64, 256, 781, 1024, 4096] as const;

export interface CodecRow {
  K: number;
  S: number;
  kernel: string;
  memcpyGBps: number;
  setupGBps: number;
  setupXorsPerSource: number;
  encodeAllRepairGBps: number;
  decodeLoss0GBps: number;
  decodeLoss1GBps: number;
  decodeLoss5GBps: number;
  decodeLoss10GBps: number;
  decodeLoss20GBps: number;
  decodeLoss50GBps: number;
  decodeRepairOnlyGBps: number;
  /** Shares of memcpy of the same block in the same round: medians of the rounds' shares. */
  setupShare: number;
  encodeAllRepairShare: number;
  decodeShares: number[];
  decodeXorsPerSource: number[];
  inactivations: number[];
  tailMedianMicros: number[];
  tailP99Micros: number[];
  takeMicros: number[];
  overheadMean: number;
  overheadP99: number;
  overheadMax: number;
  overheadTrials: number;
  jsEncodeGBps: number;
  jsDecodeLoss10GBps: number;
  /**
   * JavaScript against native in the same round. Decoding in one buffer, `new Decoder(..., { into })`, and by means, the
   * garbage collector's time in them.
   */
  jsEncodeShare: number;
  jsDecodeShare: number;
  jsDecodeMeanShare: number;
  /** The same, each block in memory that the decoder hands over. */
  jsDecodeHandOverShare: number;
  jsDecodeHandOverMeanShare: number;
  /** The same, each block copied by `take(out)`. */
  jsDecodeCopyShare: number;
  jsDecodeCopyMeanShare: number;
}

/** By loss, in the order of LOSSES. */
export function decodeSpeeds(row: CodecRow): number[] {
  return [
    row.decodeLoss0GBps,
    row.decodeLoss1GBps,
    row.decodeLoss5GBps,
    row.decodeLoss10GBps,
    row.decodeLoss20GBps,
    row.decodeLoss50GBps,
    row.decodeRepairOnlyGBps,
  ];
}

export interface MeasureOptions {
  symbolBytes?: number;
  /** Time for each row. */
  seconds?: number;
  /** Each measures all there is to measure once, for an equal part of the time. */
  rounds?: number;
}

/**
 * One row for each K: encode and decode in GB/s of source bytes, memcpy of the same block beside them, overhead. All are
 * medians of interleaved rounds, so that a busy moment falls on all of them or is left out.
 */
export async function measureCodec(sizes: readonly number[], options: MeasureOptions = {}): Promise<CodecRow[]> {
  const { symbolBytes = 1344, seconds = 10, rounds = 5 } = options;
  const rows: CodecRow[] = [];
  for (const k of sizes) {
    const measured: Round[] = [];
    for (let n = 0; n < rounds; n++) measured.push(await measureRound(k, symbolBytes, seconds / rounds));
    const trials = Math.ceil(160000 / (k + 50));
    const {
      mean,
      p99,
      max,
      trials: overheadTrials,
    } = summary(LOSSES.slice(1).map((loss, n) => addon().overheadHistogram(k, loss, 'each', trials, n + 1)));
    rows.push({
      K: k,
      S: symbolBytes,
      kernel: addon().kernelName(),
      ...medians(measured),
      overheadMean: Number(mean.toPrecision(4)),
      overheadP99: p99,
      overheadMax: max,
      overheadTrials,
    });
  }
  return rows;
}

type Round = Omit<CodecRow, 'K' | 'S' | 'kernel' | `overhead${string}`>;

async function measureRound(k: number, symbolBytes: number, seconds: number): Promise<Round> {
  const native = addon();
  const gigabytes = (k * symbolBytes) / 1e9;
  const encode = native.measureEncode(k, symbolBytes, seconds * 0.2);
  const decodes = LOSSES.map((loss) => native.measureDecode(k, symbolBytes, loss, (seconds * 0.4) / LOSSES.length));
  const jsEncode = measureJavaScriptEncode(k, symbolBytes, seconds * 0.1);
  const nativeDecode = native.measureDecode(k, symbolBytes, JS_LOSS, seconds * 0.1);
  const jsDecode = await measureJavaScriptDecode(k, symbolBytes, seconds * 0.1, 'into');
  const handOver = await measureJavaScriptDecode(k, symbolBytes, seconds * 0.1, 'hand-over');
  const copy = await measureJavaScriptDecode(k, symbolBytes, seconds * 0.1, 'copy');
  const speed = (n: number) => gigabytes / decodes[n]!.decodeSeconds;
  const each = (pick: (figures: DecodeFigures) => number) => decodes.map(pick);
  return {
    memcpyGBps: gigabytes / encode.memcpySeconds,
    setupGBps: gigabytes / encode.setupSeconds,
    setupXorsPerSource: encode.setupAdditions,
    encodeAllRepairGBps: gigabytes / encode.encodeSeconds,
    decodeLoss0GBps: speed(0),
    decodeLoss1GBps: speed(1),
    decodeLoss5GBps: speed(2),
    decodeLoss10GBps: speed(3),
    decodeLoss20GBps: speed(4),
    decodeLoss50GBps: speed(5),
    decodeRepairOnlyGBps: speed(6),
    setupShare: encode.memcpySeconds / encode.setupSeconds,
    encodeAllRepairShare: encode.memcpySeconds / encode.encodeSeconds,
    decodeShares: each((figures) => encode.memcpySeconds / figures.decodeSeconds),
    decodeXorsPerSource: each((figures) => figures.additions),
    inactivations: each((figures) => figures.inactiveColumns),
    tailMedianMicros: each((figures) => figures.tailSeconds * 1e6),
    tailP99Micros: each((figures) => figures.tailP99Seconds * 1e6),
    takeMicros: each((figures) => figures.takeSeconds * 1e6),
    jsEncodeGBps: gigabytes / jsEncode,
    jsDecodeLoss10GBps: gigabytes / jsDecode.median,
    jsEncodeShare: encode.encodeSeconds / jsEncode,
    jsDecodeShare: nativeDecode.decodeSeconds / jsDecode.median,
    jsDecodeMeanShare: nativeDecode.decodeMeanSeconds / jsDecode.mean,
    jsDecodeHandOverShare: nativeDecode.decodeSeconds / handOver.median,
    jsDecodeHandOverMeanShare: nativeDecode.decodeMeanSeconds / handOver.mean,
    jsDecodeCopyShare: nativeDecode.decodeSeconds / copy.median,
    jsDecodeCopyMeanShare: nativeDecode.decodeMeanSeconds / copy.mean,
  };
}

/** Of each figure, and of each place of a list. */
function medians(rounds: Round[]): Round {
  const middle = (values: number[]) => Number(median(values).toPrecision(4));
  const entries = Object.entries(rounds[0]!).map(([name, first]) => {
    const all = rounds.map((round) => round[name as keyof Round]);
    return Array.isArray(first)
      ? [name, first.map((_, n) => middle(all.map((list) => (list as number[])[n]!)))]
      : [name, middle(all as number[])];
  });
  return Object.fromEntries(entries);
}
