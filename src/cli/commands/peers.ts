import type { Command } from 'commander';
import type { PeerStatus, PeersReport } from '../../node/contract.js';
import type { PathView } from '../../rain/path-history.js';
import { nodeClient } from '../http/node-address.js';
import { interruptible } from '../interruption.js';
import { jsonOption, type NodeOptions, nodeOption, timeoutOption, tokenFileOption } from '../options.js';
import { coloursFor } from '../terminal/colours.js';
import { print, printable, printJson } from '../terminal/output.js';
import { rateText, secondsText, shareText } from '../terminal/quantity.js';
import { table } from '../terminal/table.js';

const colours = coloursFor(process.stdout);

type PeersOptions = NodeOptions & { readonly json?: true };

export function addPeers(program: Command): void {
  program
    .command('peers')
    .summary('show the other nodes and the paths to them')
    .description(
      'Shows each node that a node knows, and what its fetches have shown of the path there: the rate that is expected ' +
        'next, and what came of the last one.',
    )
    .addOption(nodeOption())
    .addOption(tokenFileOption())
    .addOption(timeoutOption(10))
    .addOption(jsonOption())
    .action((options: PeersOptions) => interruptible((signal) => peers(options, signal)));
}

async function peers(options: PeersOptions, signal: AbortSignal): Promise<void> {
  const client = await nodeClient(options, signal);
  const report = await client.peers();
  if (options.json) await printJson(report);
  else await print(report.peers.length + report.otherPaths.length === 0 ? NOBODY : peersTable(report));
}

const NOBODY = 'This node knows no other node. Its servers list (servers-list) names the first ones.\n';

function peersTable({ peers, otherPaths }: PeersReport): string {
  const heads = ['peer', 'state', 'expected', 'came last', 'of expected', 'lost', 'round trip', 'failures', 'fetched'];
  const rows = [
    ...peers.map((peer) => [nameOf(peer), stateText(peer.state), ...pathCells(peer.path)]),
    ...otherPaths.map((path) => [printable(path.address), 'no peer', ...pathCells(path)]),
  ];
  return table([heads.map(colours.dim), ...rows], [2, 3, 4, 5, 6, 7, 8]);
}

function pathCells(path: PathView | null): string[] {
  if (!path) return ['-', '-', '-', '-', '-', '-', 'never'];
  const last = path.fetches.at(-1);
  return [
    path.predictedBitsPerSecond === null ? 'unknown' : rateText(path.predictedBitsPerSecond),
    last ? rateText(last.measuredBitsPerSecond) : '-',
    last?.predictedBitsPerSecond ? shareText(last.measuredBitsPerSecond / last.predictedBitsPerSecond) : '-',
    shareText(path.loss),
    path.roundTripMs === 0 ? '-' : `${path.roundTripMs.toFixed(1)} ms`,
    path.failures < 0.05 ? '0' : path.failures.toFixed(1),
    path.lastSeenSecondsAgo === null ? 'never' : `${secondsText(path.lastSeenSecondsAgo)} ago`,
  ];
}

function nameOf({ host, port }: PeerStatus): string {
  return printable(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
}

function stateText(state: PeerStatus['state']): string {
  return { alive: colours.green, away: colours.red, unknown: colours.yellow, left: colours.dim }[state](state);
}
