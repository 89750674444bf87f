/**
 * The code once more, slow and plain, from docs/codec.md alone: what the native codec must agree with, symbol for
 * symbol. Rows are plain byte arrays; nothing is shared with the native sources.
 */

export const MAX_SMALL_K = 32;
/** The 6-bit sets of at most two members. */
const DENSE_PLACES = Array.from({ length: 64 }, (_, set) => set).filter(
  (set) => set.toString(2).replaceAll('0', '').length <= 2,
);

export function mix32(x: number): number {
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** Draws of one purpose ('B' back, 'W' block, 'D' dense, 'R' repair, 'M' small code) for one index. */
export class Draws {
  #state: number;

  constructor(purpose: string, k: number, index: number) {
    this.#state = mix32((mix32(purpose.charCodeAt(0) * 2 ** 24 + k) + index) >>> 0);
  }

  next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    return mix32(this.#state);
  }

  below(n: number): number {
    return Math.floor((this.next() * n) / 2 ** 32);
  }
}

export function sparseChecks(k: number): number {
  let x = 1;
  while (x * (x - 1) < 2 * k) x++;
  let count = Math.ceil(k / 100) + x;
  if (k > 1024) count *= 2;
  const isPrime = (n: number) => {
    for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
    return true;
  };
  while (!isPrime(count)) count++;
  return count;
}

/** The third column of source row i, or undefined. */
export function back(k: number, i: number): number | undefined {
  if (i < 2) return undefined;
  const block = Math.floor(i / 128);
  if (block === 0) return new Draws('B', k, i).below(i - 1);
  const draws = new Draws('W', k, block);
  const odd = draws.below(128) | 1;
  const offset = draws.below(128);
  const column = (block - 1) * 128 + ((odd * (i % 128) + offset) % 128);
  return column === i - 1 ? i - 2 : column;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** The source symbol of source row i. */
export function rowSource(k: number, i: number): number {
  let stride = Number((BigInt(k) * 0x9e3779b9n) >> 32n);
  while (greatestCommonDivisor(stride, k) !== 1) stride++;
  return (i * stride) % k;
}

/** The two sparse checks of column i. */
export function checksOf(k: number, i: number): [number, number] {
  const s = sparseChecks(k);
  const first = (i * Math.floor((s * 3) / 8)) % s;
  const half = (s - 1) / 2;
  const least = Math.min(Math.ceil(s / 6), half + 1 - Math.ceil(k / s));
  const steps = half + 1 - least;
  let stride = Math.floor((steps * 3) / 8);
  while (greatestCommonDivisor(stride, steps) !== 1) stride++;
  const step = least + ((Math.floor(i / s) * stride) % steps);
  return [first, (first + step) % s];
}

/** For each column of C and D the place of the dense check that takes the prefix sum up to it. */
export function densePlaces(k: number): number[] {
  const places: number[] = [];
  let rested = DENSE_PLACES;
  for (let i = 0; i < k + sparseChecks(k); i++) {
    const place = rested[new Draws('D', k, i).below(12)]!;
    places.push(place);
    rested = [...rested.filter((other) => other !== place), place];
  }
  return places;
}

export function degree(draw: number): number {
  const one = Math.floor(2 ** 32 / 200);
  if (draw < one) return 1;
  for (let d = 2; d < 30; d++) if (draw < one + 2 ** 32 - Math.floor(2 ** 32 / d)) return d;
  return 30;
}

/** The C and D columns of a repair symbol, in the order drawn, and its dense sum. */
export function repairRow(k: number, esi: number): { columns: number[]; sum: number } {
  const draws = new Draws('R', k, esi);
  const sum = draws.below(64);
  const wanted = degree(draws.next());
  const columns: number[] = [];
  while (columns.length < wanted) {
    const column = draws.below(k + sparseChecks(k));
    if (!columns.includes(column)) columns.push(column);
  }
  return { columns, sum };
}

type Row = Uint8Array;

function add(to: Row, from: Row): void {
  for (let b = 0; b < to.length; b++) to[b]! ^= from[b]!;
}

function sourceRows(block: Uint8Array, symbolBytes: number): Row[] {
  const rows: Row[] = [];
  for (let at = 0; at < block.length; at += symbolBytes) {
    const row = new Uint8Array(symbolBytes);
    row.set(block.subarray(at, at + symbolBytes));
    rows.push(row);
  }
  return rows;
}

/** C, then D, then the 64 dense sums. */
function intermediateSymbols(sources: Row[]): Row[] {
  const k = sources.length;
  const s = sparseChecks(k);
  const bytes = sources[0]!.length;
  const columns = sources.map((_, i) => sources[rowSource(k, i)]!.slice());
  for (let i = 1; i < k; i++) {
    add(columns[i]!, columns[i - 1]!);
    const third = back(k, i);
    if (third !== undefined) add(columns[i]!, columns[third]!);
  }
  for (let c = 0; c < s; c++) columns.push(new Uint8Array(bytes));
  for (let i = 0; i < k; i++) for (const check of checksOf(k, i)) add(columns[k + check]!, columns[i]!);
  for (let c = 1; c < s; c++) add(columns[k + c]!, columns[k + c - 1]!);
  const dense = Array.from({ length: 64 }, () => new Uint8Array(bytes));
  const prefix = new Uint8Array(bytes);
  densePlaces(k).forEach((place, i) => {
    add(prefix, columns[i]!);
    add(dense[place]!, prefix);
  });
  for (let t = 0; t < 64; t++) {
    const sum = new Uint8Array(bytes);
    for (const place of DENSE_PLACES) if ((place & ~t) === 0) add(sum, dense[place]!);
    columns.push(sum);
  }
  return columns;
}

function multiply(a: number, b: number): number {
  let product = 0;
  for (; b > 0; b >>= 1) {
    if (b & 1) product ^= a;
    a <<= 1;
    if (a & 0x100) a ^= 0x11d;
  }
  return product;
}

function inverse(a: number): number {
  for (let b = 1; b < 256; b++) if (multiply(a, b) === 1) return b;
  throw new Error('0 has no inverse');
}

export function smallCoefficient(k: number, esi: number, i: number): number {
  if (esi < 256) return multiply(k ^ i, inverse(esi ^ i));
  const draws = new Draws('M', k, esi);
  let coefficient = 0;
  for (let n = 0; n <= i; n++) coefficient = 1 + draws.below(255);
  return coefficient;
}

function smallRepair(sources: Row[], esi: number): Row {
  const slice = sources[0]!.length / 8;
  const out = new Uint8Array(sources[0]!.length);
  sources.forEach((source, i) => {
    const coefficient = smallCoefficient(sources.length, esi, i);
    for (let from = 0; from < 8; from++) {
      const product = multiply(coefficient, 1 << from);
      for (let to = 0; to < 8; to++) {
        if ((product >> to) & 1) {
          add(out.subarray(to * slice, (to + 1) * slice), source.subarray(from * slice, (from + 1) * slice));
        }
      }
    }
  });
  return out;
}

/** Makes any symbol of one block. */
export function referenceEncoder(block: Uint8Array, symbolBytes: number): (esi: number) => Uint8Array {
  const sources = sourceRows(block, symbolBytes);
  const k = sources.length;
  const columns = k > MAX_SMALL_K ? intermediateSymbols(sources) : [];
  return (esi) => {
    if (esi < k) return sources[esi]!;
    if (k <= MAX_SMALL_K) return smallRepair(sources, esi);
    const row = repairRow(k, esi);
    const out = columns[k + sparseChecks(k) + row.sum]!.slice();
    for (const column of row.columns) add(out, columns[column]!);
    return out;
  };
}
