import type { RainReport, RainServerReport } from '../../rain/report.js';
import { bytesText, rateText, secondsText, shareText } from './quantity.js';
import { table } from './table.js';

/** Servers that get a line of their own. */
export const MAX_SERVER_LINES = 12;

/** What is known of a fetch while it runs. */
export interface FetchFigures extends Pick<RainReport, 'bytes' | 'symbolBytes' | 'overhead' | 'servers'> {
  readonly wantedBytes: number;
}

/** Bytes that have arrived, also of blocks that are not whole yet. */
export function arrivedBytes({ bytes, symbolBytes, servers, wantedBytes }: FetchFigures): number {
  const useful = servers.reduce((sum, server) => sum + server.useful, 0);
  return Math.max(bytes, Math.min(wantedBytes, useful * symbolBytes));
}

/** `14 MiB of 32 MiB  1.9 Mbit/s  1 min 17 s left  overhead 0.2 %`, as far as it is known. */
export function amountText(
  done: number,
  total: number | undefined,
  bytesPerSecond: number | undefined,
  fetch: FetchFigures | undefined,
): string {
  const parts = [total === undefined ? bytesText(done) : `${bytesText(done)} of ${bytesText(total)}`];
  if (bytesPerSecond !== undefined) {
    parts.push(rateText(bytesPerSecond * 8));
    if (total !== undefined && done < total && bytesPerSecond > 0) {
      parts.push(`${secondsText((total - done) / bytesPerSecond)} left`);
    }
  }
  if (fetch && fetch.overhead > 0) parts.push(`overhead ${shareText(fetch.overhead)}`);
  return parts.join('  ');
}

/** One line for each server: state, rate, loss, its share of what was of use, round trip. */
export function serverLines({ servers }: FetchFigures): string[] {
  const useful = servers.reduce((sum, server) => sum + server.useful, 0);
  const rows = servers
    .slice(0, MAX_SERVER_LINES)
    .map((server) => [
      `  ${server.address}`,
      server.state,
      server.state === 'alive' ? rateText(server.rateBitsPerSecond) : '-',
      `${shareText(lossOf(server))} lost`,
      `${shareText(useful === 0 ? 0 : server.useful / useful)} share`,
      server.roundTripMs === 0 ? '-' : `${server.roundTripMs.toFixed(1)} ms`,
    ]);
  const lines = table(rows, [2, 3, 4, 5]).split('\n').slice(0, rows.length);
  const more = servers.length - rows.length;
  return more > 0 ? [...lines, `  and ${more} more`] : lines;
}

/** The share of a server's symbols that was sent and did not arrive. */
export function lossOf({ symbols, lost }: Pick<RainServerReport, 'symbols' | 'lost'>): number {
  return symbols + lost === 0 ? 0 : lost / (symbols + lost);
}
