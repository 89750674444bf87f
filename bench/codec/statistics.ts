/** Sorts `values`. */
export function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
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
