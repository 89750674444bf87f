/** Sequences of requests, the same for the same seed. */

export interface Trace {
  readonly name: string;
  /** The goal speaks of it. */
  readonly goal: boolean;
  /** Objects that fit the cache. */
  readonly capacity: number;
  keys(): Generator<number>;
}

/** Requests that count for nothing: the cache fills. */
export const WARM_UP_SHARE = 0.2;

/** Mulberry32. */
function chances(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Ranks 0 to objects - 1, rank r with probability proportional to 1 / (r + 1)^exponent. */
function zipf(objects: number, exponent: number, unit: () => number): () => number {
  const sums = new Float64Array(objects);
  let sum = 0;
  for (let rank = 0; rank < objects; rank++) {
    sum += (rank + 1) ** -exponent;
    sums[rank] = sum;
  }
  return () => {
    const wanted = unit() * sum;
    let [low, high] = [0, objects - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

export function zipfTrace(capacity: number, seed: number, objects = 100_000, requests = 1_000_000): Trace {
  return {
    goal: true,
    name: `Zipf(0.99) over ${objects} objects`,
    capacity,
    *keys() {
      const draw = zipf(objects, 0.99, chances(seed));
      for (let i = 0; i < requests; i++) yield draw();
    },
  };
}

/** Zipf, and after each `between` of its requests a scan of `scan` objects that nobody asked for before or will. */
export function scanTrace(capacity: number, seed: number, between = 20_000, scan = 20_000): Trace {
  const objects = 100_000;
  return {
    goal: true,
    name: `Zipf(0.99), and scans of ${scan} after each ${between}`,
    capacity,
    *keys() {
      const draw = zipf(objects, 0.99, chances(seed));
      let once = objects;
      for (let i = 0; i < 1_000_000; i++) {
        yield draw();
        if (i % between === between - 1) for (let j = 0; j < scan; j++) yield once++;
      }
    },
  };
}

export function loopTrace(capacity: number, objects: number): Trace {
  return {
    goal: true,
    name: `loop over ${objects} objects`,
    capacity,
    *keys() {
      for (let i = 0; i < 500_000; i++) yield i % objects;
    },
  };
}

/** Popularity that moves on: every `period` requests the ranks fall on other objects. */
export function shiftingTrace(capacity: number, seed: number, period = 100_000): Trace {
  const objects = 100_000;
  return {
    goal: false,
    name: `Zipf(0.99), other objects after each ${period}`,
    capacity,
    *keys() {
      const draw = zipf(objects, 0.99, chances(seed));
      for (let i = 0; i < 1_000_000; i++) yield (draw() + Math.floor(i / period) * 7919) % objects;
    },
  };
}
