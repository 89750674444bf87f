import type { Break } from './breaks.js';
import { BLOCK_BYTES } from './profile.js';
import type { Report } from './simulate.js';

export function failed(report: Report): boolean {
  return report.violation !== undefined;
}

/** One seed in a paragraph; where a checker did not hold, with what happened last and the command that shows it again. */
export function told(report: Report, options: { nodes?: number | undefined; broken?: Break | undefined }): string {
  const { violation } = report;
  if (!violation) return `Seed ${report.seed} held. ${paragraph(report)}`;
  const again = [`npm run sim -- --seed ${report.seed}`];
  if (options.nodes !== undefined) again.push(`--nodes ${options.nodes}`);
  if (options.broken !== undefined) again.push(`--break ${options.broken}`);
  return [
    `Seed ${report.seed} FAILED, checker "${violation.checker}": ${violation.what}`,
    ...report.trace.map((line) => `  ${line}`),
    paragraph(report),
    `Again: ${again.join(' ')}`,
  ].join('\n');
}

function paragraph(report: Report): string {
  const { operations: did, profile } = report;
  const faults = Object.entries(report.faults)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`);
  const link = `links that lose up to ${profile.loss * 100} % and take ${profile.delayMs} ms`;
  const converged =
    report.convergedAfterMs === undefined
      ? 'not converged'
      : `converged ${report.convergedAfterMs / 1000} s after the last fault`;
  return (
    `${report.nodes} nodes on ${link}, clocks off by up to ${profile.skewMs / 60_000} min; ` +
    `${did.puts} puts, ${did.deletes} deletes and ${did.gets} gets, of which ${did.acknowledged} writes were ` +
    `acknowledged and ${did.refused} refused; ${faults.join(', ') || 'no faults'}; ${report.datagrams} datagrams and ` +
    `${report.events} events in ${(report.virtualMs / 1000).toFixed(0)} virtual seconds; ` +
    `${report.readsChecked} values read and compared, at most ${report.peakBytes} of ${profile.maxBytes} bytes ` +
    `(and a block of ${BLOCK_BYTES}) on a disk; ${converged}; trace ${report.digest}.`
  );
}

export function summary(reports: readonly Report[], seconds: number): string {
  const sum = (of: (report: Report) => number) => reports.reduce((total, report) => total + of(report), 0);
  const bad = reports.filter(failed);
  const slowest = Math.max(...reports.map(({ convergedAfterMs }) => convergedAfterMs ?? 0)) / 1000;
  return (
    `${reports.length} seeds in ${seconds.toFixed(1)} s, ${bad.length} failed` +
    `${bad.length > 0 ? ` (${bad.map(({ seed }) => seed).join(', ')})` : ''}: ${sum(({ nodes }) => nodes)} nodes, the ` +
    `largest cluster ${Math.max(...reports.map(({ nodes }) => nodes))}; ${sum((one) => one.operations.acknowledged)} ` +
    `acknowledged writes, ${sum((one) => one.operations.refused)} refused, ${sum((one) => one.readsChecked)} values read; ` +
    `${sum((one) => Object.values(one.faults).reduce((a, b) => a + b, 0))} faults beside loss and skew; ` +
    `${sum((one) => one.datagrams)} datagrams in ${(sum((one) => one.virtualMs) / 60_000).toFixed(0)} virtual minutes; ` +
    `converged at most ${slowest} s after the last fault.`
  );
}
