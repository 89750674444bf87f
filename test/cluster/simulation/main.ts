// npm run sim -- --seed N: one seed again; --seeds N [--from N]: that many; --nodes N: of that size; --break FAULT
// plants a fault, which a checker must find; --json: reports, one a line.
import { parseArgs } from 'node:util';
import { BREAKS, type Break } from './breaks.js';
import { failed, summary, told } from './report.js';
import { type Report, simulate } from './simulate.js';

const MOST_FAILURES = 5;
const PROGRESS_EVERY_MS = 5000;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string' },
    nodes: { type: 'string' },
    break: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

function wrong(sentence: string): never {
  console.error(sentence);
  process.exit(2);
}

function number(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least) wrong(`--${name} has to be a whole number from ${least} on.`);
  return value;
}

const broken = values.break as Break | undefined;
if (broken !== undefined && !BREAKS.includes(broken)) wrong(`--break knows ${BREAKS.join(', ')}.`);
const nodes = values.nodes === undefined ? undefined : number('nodes', values.nodes, 1);
const from = number('from', values.seed ?? values.from ?? '1', 0);
const seeds = values.seed !== undefined ? 1 : number('seeds', values.seeds ?? '1', 1);

const started = performance.now();
let toldAt = started;
const reports: Report[] = [];
for (let seed = from; seed < from + seeds && reports.filter(failed).length < MOST_FAILURES; seed++) {
  const report = await simulate({ seed, nodes, broken });
  reports.push(report);
  if (values.json) console.log(JSON.stringify(report));
  else if (seeds === 1 || failed(report)) console.log(told(report, { nodes, broken }));
  if (seeds > 1 && performance.now() - toldAt > PROGRESS_EVERY_MS) {
    toldAt = performance.now();
    console.error(`${reports.length} of ${seeds} seeds`);
  }
}
if (!values.json && seeds > 1) console.log(summary(reports, (performance.now() - started) / 1000));
process.exit(reports.some(failed) ? 1 : 0);
