import { Decoder } from '../../src/codec/decoder.js';
import { Encoder } from '../../src/codec/encoder.js';
import { addon, type DecodeFigures } from '../../src/native/addon.js';

export const LOSSES = [0, 0.01, 0.05, 0.1, 0.2, 0.5, 1] as const;
export const BENCH_SIZES = [16, 64, 256, 781, 1024, 4096] as const;

/** Symbols in one crossing from JavaScript. */
const BATCH_SYMBOLS = 64;

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
  jsEncodeShare: number;
  jsDecodeShare: number;
}

export interface MeasureOptions {
  symbolBytes?: number;
  /** Time for each row. */
  seconds?: number;
}

/** One row for each K: encode and decode in GB/s of source bytes, memcpy of the same block beside them, overhead. */
export function measureCodec(sizes: readonly number[], options: MeasureOptions = {}): CodecRow[] {
  return sizes.map((k) => measureOne(k, options.symbolBytes ?? 1344, options.seconds ?? 6));
}

function measureOne(k: number, symbolBytes: number, seconds: number): CodecRow {
  const native = addon();
  const gigabytes = (k * symbolBytes) / 1e9;
  const encode = native.measureEncode(k, symbolBytes, seconds * 0.2);
  const decodes = LOSSES.map((loss) => native.measureDecode(k, symbolBytes, loss, (seconds * 0.5) / LOSSES.length));
  const speed = (n: number) => gigabytes / decodes[n]!.decodeSeconds;
  const micros = (pick: (figures: DecodeFigures) => number) => decodes.map((figures) => round(pick(figures) * 1e6));
  const js = measureJavaScript(k, symbolBytes, seconds * 0.15);
  const trials = Math.ceil(160000 / (k + 50));
  const overhead = summary(LOSSES.slice(1).map((loss, n) => native.overheadHistogram(k, loss, trials, n + 1)));
  const row: CodecRow = {
    K: k,
    S: symbolBytes,
    kernel: native.kernelName(),
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
    decodeXorsPerSource: decodes.map((figures) => round(figures.additions)),
    inactivations: decodes.map((figures) => round(figures.inactiveColumns)),
    tailMedianMicros: micros((figures) => figures.tailSeconds),
    tailP99Micros: micros((figures) => figures.tailP99Seconds),
    takeMicros: micros((figures) => figures.takeSeconds),
    overheadMean: overhead.mean,
    overheadP99: overhead.p99,
    overheadMax: overhead.max,
    overheadTrials: overhead.trials,
    jsEncodeGBps: gigabytes / js.encodeSeconds,
    jsDecodeLoss10GBps: gigabytes / js.decodeSeconds,
    jsEncodeShare: encode.encodeSeconds / js.encodeSeconds,
    jsDecodeShare: js.nativeDecodeSeconds / js.decodeSeconds,
  };
  for (const [name, value] of Object.entries(row)) {
    if (typeof value === 'number') (row as unknown as Record<string, number>)[name] = round(value);
  }
  return row;
}

/** The typed face: set-up and K repair symbols, and decoding at 10 % loss, in batches. */
function measureJavaScript(k: number, symbolBytes: number, seconds: number) {
  const block = new Uint8Array(k * symbolBytes);
  for (let i = 0; i < block.length; i++) block[i] = (i * 2654435761) >>> 13;
  const out = new Uint8Array(BATCH_SYMBOLS * symbolBytes);
  const encodeSeconds = median(seconds / 2, () => {
    const encoder = new Encoder(block, symbolBytes);
    for (let n = 0; n < k; n += BATCH_SYMBOLS) encoder.symbols(k + n, Math.min(BATCH_SYMBOLS, k - n), out);
    encoder.close();
  });
  const encoder = new Encoder(block, symbolBytes);
  const esis = Uint32Array.from({ length: k + 64 }, (_, n) => n + Math.ceil(n / 9)).filter((esi) => esi < k);
  const repair = Uint32Array.from({ length: k - esis.length + (k > 32 ? 40 : 0) }, (_, n) => k + n);
  const arrivals = Uint32Array.of(...esis, ...repair);
  const symbols = new Uint8Array(arrivals.length * symbolBytes);
  arrivals.forEach((esi, n) => {
    encoder.symbols(esi, 1, symbols.subarray(n * symbolBytes));
  });
  const taken = new Uint8Array(block.length);
  const decodeSeconds = median(seconds / 2, () => {
    const decoder = new Decoder(block.length, symbolBytes);
    for (let n = 0; n < arrivals.length && !decoder.decoded; n += BATCH_SYMBOLS) {
      const end = Math.min(n + BATCH_SYMBOLS, arrivals.length);
      decoder.addMany(arrivals.subarray(n, end), symbols.subarray(n * symbolBytes, end * symbolBytes));
    }
    decoder.take(taken);
    decoder.close();
  });
  const nativeDecodeSeconds = addon().measureDecode(k, symbolBytes, 0.1, seconds / 2).decodeSeconds;
  return { encodeSeconds, decodeSeconds, nativeDecodeSeconds };
}

function median(seconds: number, once: () => void): number {
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  while (times.length < 7 || performance.now() < end) {
    const start = performance.now();
    once();
    times.push((performance.now() - start) / 1000);
  }
  times.sort((a, b) => a - b);
  return times[times.length >> 1]!;
}

/** Mean, 99th percentile and maximum over several histograms of one kind of trial. */
export function summary(histograms: number[][]): { trials: number; mean: number; p99: number; max: number } {
  const counts: number[] = [];
  for (const histogram of histograms) {
    for (let n = 0; n < histogram.length; n++) counts[n] = (counts[n] ?? 0) + histogram[n]!;
  }
  const trials = counts.reduce((sum, count) => sum + count, 0);
  const mean = counts.reduce((sum, count, n) => sum + count * n, 0) / trials;
  let p99 = 0;
  for (let below = counts[0]!; below < 0.99 * trials; below += counts[p99]!) p99++;
  return { trials, mean, p99, max: counts.length - 1 };
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
