import type { RainReport } from '../../rain/report.js';
import type { Colours } from '../terminal/colours.js';
import { rateText, shareText } from '../terminal/quantity.js';
import { table } from '../terminal/table.js';
import { lossOf } from '../terminal/transfer-lines.js';

/** What each server did in a fetch, a line each under a heading; `names` has better ones than addresses. */
export function reportTable(
  { servers }: RainReport,
  { dim }: Colours,
  names: ReadonlyMap<string, string> = new Map(),
): string {
  const rows = servers.map((server) => [
    names.get(server.address) ?? server.address,
    server.state,
    String(server.symbols),
    shareText(lossOf(server)),
    rateText(server.rateBitsPerSecond),
  ]);
  return table([['server', 'state', 'symbols', 'lost', 'rate'].map(dim), ...rows], [2, 3, 4]);
}
