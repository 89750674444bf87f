import type { Command } from 'commander';
import { MurkyError } from '../../errors.js';
import type { PeerStatus, PeersReport } from '../../node/contract.js';
import { formatAddress, parseAddress } from '../../rain/address.js';
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
        'next, and what came of the last one. With an address: of each of the last fetches from there.',
    )
    .argument('[host:port]', 'one of them', (text: string) => formatAddress(parseAddress(text)))
    .addOption(nodeOption())
    .addOption(tokenFileOption())
    .addOption(timeoutOption(10))
    .addOption(jsonOption())
    .action((one: string | undefined, options: PeersOptions) => interruptible((signal) => peers(one, options, signal)));
}

async function peers(one: string | undefined, options: PeersOptions, signal: AbortSignal): Promise<void> {
  const client = await nodeClient(options, signal);
  const report = await client.peers();
  if (one !== undefined) await printPath(one, pathTo(one, report), options);
  else if (options.json) await printJson(report);
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

/** Null: nothing was fetched from there yet. */
function pathTo(address: string, { peers, otherPaths }: PeersReport): PathView | null {
  const peer = peers.find((each) => formatAddress(each) === address || each.address === address);
  if (peer) return peer.path;
  const path = otherPaths.find((each) => each.address === address);
  if (path) return path;
  throw new MurkyError('MURKY_NOT_FOUND', `The node knows no other node at ${address}, and has fetched nothing there.`);
}

async function printPath(address: string, path: PathView | null, options: PeersOptions): Promise<void> {
  if (options.json) await printJson({ address, path });
  else if (!path?.fetches.length) await print(`No fetch has measured the path to ${printable(address)} yet.\n`);
  else await print(fetchesTable(path));
}

/** The last fetches over a path, the newest first: what each was foretold, and what came. */
function fetchesTable({ fetches, lastSeenMs, lastSeenSecondsAgo }: PathView): string {
  const heads = ['fetched', 'foretold', 'came', 'of foretold'];
  // By the node's clock alone: the one here may differ.
  const nowMs = (lastSeenMs ?? 0) + (lastSeenSecondsAgo ?? 0) * 1000;
  const rows = [...fetches]
    .reverse()
    .map(({ atMs, predictedBitsPerSecond: foretold, measuredBitsPerSecond: came }) => [
      `${secondsText(Math.max(0, nowMs - atMs) / 1000)} ago`,
      foretold === null ? 'unknown' : rateText(foretold),
      rateText(came),
      foretold ? shareText(came / foretold) : '-',
    ]);
  return table([heads.map(colours.dim), ...rows], [0, 1, 2, 3]);
}

function nameOf(peer: PeerStatus): string {
  return printable(formatAddress(peer));
}

function stateText(state: PeerStatus['state']): string {
  return { alive: colours.green, away: colours.red, unknown: colours.yellow, left: colours.dim }[state](state);
}
