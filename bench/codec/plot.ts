import { type CodecRow, decodeSpeeds, LOSSES } from './measure.js';

const WIDTH = 720;
const HEIGHT = 400;
const LEFT = 60;
const RIGHT = 590;
const TOP = 50;
const BOTTOM = 340;
const COLOURS = ['#1b6ca8', '#d1495b', '#2a9d8f', '#8d5fd3', '#e08e0b', '#555555'];

/** Decode throughput over loss, one line for each K, as an SVG document. */
export function plot(rows: CodecRow[], machine: string): string {
  const series = rows.map(decodeSpeeds);
  const most = Math.max(...series.flat());
  const step = most > 8 ? 2 : most > 4 ? 1 : 0.5;
  const top = Math.ceil(most / step) * step;
  const x = (n: number) => LEFT + ((RIGHT - LEFT) * n) / (LOSSES.length - 1);
  const y = (value: number) => BOTTOM - ((BOTTOM - TOP) * value) / top;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>Decoding speed over loss, for several K</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="24" font-size="15">Decode, GB/s of source bytes, S = ${rows[0]?.S}</text>`,
    `<text x="${LEFT}" y="${HEIGHT - 10}" fill="#666666">${escapeXml(machine)}</text>`,
  ];
  for (let value = 0; value <= top; value += step) {
    parts.push(`<line x1="${LEFT}" x2="${RIGHT}" y1="${y(value)}" y2="${y(value)}" stroke="#dddddd"/>`);
    parts.push(`<text x="${LEFT - 8}" y="${y(value) + 4}" text-anchor="end">${value}</text>`);
  }
  LOSSES.forEach((loss, n) => {
    const label = loss === 1 ? 'repair only' : `${loss * 100} % lost`;
    parts.push(`<text x="${x(n)}" y="${BOTTOM + 20}" text-anchor="middle">${label}</text>`);
  });
  series.forEach((values, n) => {
    const colour = COLOURS[n % COLOURS.length];
    const points = values.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
    parts.push(`<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    parts.push(
      `<line x1="620" x2="640" y1="${TOP + n * 20}" y2="${TOP + n * 20}" stroke="${colour}" stroke-width="2"/>`,
    );
    parts.push(`<text x="646" y="${TOP + 4 + n * 20}">K = ${rows[n]!.K}</text>`);
  });
  return `${[...parts, '</svg>'].join('\n')}\n`;
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
}
