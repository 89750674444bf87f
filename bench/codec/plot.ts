import { lineChart } from '../line-chart.js';
import { type CodecRow, decodeSpeeds, LOSSES } from './measure.js';

/** Decode throughput over loss, one line for each K, as an SVG document. */
export function plot(rows: CodecRow[], machine: string): string {
  const lines = rows.map((row) => ({ name: `K = ${row.K}`, values: decodeSpeeds(row) }));
  const most = Math.max(...lines.flatMap(({ values }) => values));
  const step = most > 8 ? 2 : most > 4 ? 1 : 0.5;
  return lineChart({
    title: 'Decoding speed over loss, for several K',
    heading: `Decode, GB/s of source bytes, S = ${rows[0]?.S}`,
    footer: machine,
    labels: LOSSES.map((loss) => (loss === 1 ? 'repair only' : `${loss * 100} % lost`)),
    lines,
    top: Math.ceil(most / step) * step,
    step,
  });
}
