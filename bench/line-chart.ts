const WIDTH = 720;
const HEIGHT = 400;
const LEFT = 60;
const RIGHT = 590;
const TOP = 50;
const BOTTOM = 340;
const COLOURS = ['#1b6ca8', '#d1495b', '#2a9d8f', '#8d5fd3', '#e08e0b', '#555555'];

export interface LineChart {
  /** For those who cannot see it. */
  readonly title: string;
  /** What the vertical axis shows. */
  readonly heading: string;
  /** Below it: where it was measured. */
  readonly footer: string;
  /** One label for each point of every line. */
  readonly labels: readonly string[];
  readonly lines: readonly { readonly name: string; readonly values: readonly number[] }[];
  /** The upper end of the vertical axis, and the distance of its marks; it begins at 0. */
  readonly top: number;
  readonly step: number;
}

/** Lines over named points, as an SVG document. */
export function lineChart({ title, heading, footer, labels, lines, top, step }: LineChart): string {
  const x = (n: number) => LEFT + ((RIGHT - LEFT) * n) / (labels.length - 1);
  const y = (value: number) => BOTTOM - ((BOTTOM - TOP) * value) / top;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="24" font-size="15">${escapeXml(heading)}</text>`,
    `<text x="${LEFT}" y="${HEIGHT - 10}" fill="#666666">${escapeXml(footer)}</text>`,
  ];
  for (let mark = 0; mark * step <= top * 1.0001; mark++) {
    const value = Number((mark * step).toFixed(6));
    parts.push(`<line x1="${LEFT}" x2="${RIGHT}" y1="${y(value)}" y2="${y(value)}" stroke="#dddddd"/>`);
    parts.push(`<text x="${LEFT - 8}" y="${y(value) + 4}" text-anchor="end">${value}</text>`);
  }
  labels.forEach((label, n) => {
    parts.push(`<text x="${x(n)}" y="${BOTTOM + 20}" text-anchor="middle">${escapeXml(label)}</text>`);
  });
  lines.forEach(({ name, values }, n) => {
    const colour = COLOURS[n % COLOURS.length];
    const points = values.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
    const key = TOP + n * 20;
    parts.push(`<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    parts.push(`<line x1="620" x2="640" y1="${key}" y2="${key}" stroke="${colour}" stroke-width="2"/>`);
    parts.push(`<text x="646" y="${key + 4}">${escapeXml(name)}</text>`);
  });
  return `${[...parts, '</svg>'].join('\n')}\n`;
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
}
