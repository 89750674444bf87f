import type { Command } from 'commander';
import type { NodeStatus, PeerStatus, ScrubStatus } from '../../node/contract.js';
import { nodeClient } from '../http/node-address.js';
import { interruptible } from '../interruption.js';
import { jsonOption, type NodeOptions, nodeOption, timeoutOption, tokenFileOption } from '../options.js';
import { coloursFor } from '../terminal/colours.js';
import { print, printable, printJson } from '../terminal/output.js';
import { bytesText, countText, secondsText, shareText } from '../terminal/quantity.js';
import { table } from '../terminal/table.js';

const colours = coloursFor(process.stdout);

type StatusOptions = NodeOptions & { readonly json?: true };

export function addStatus(program: Command): void {
  program
    .command('status')
    .summary('show how a node is doing')
    .description('Shows what a node holds, whom it knows and how they are.')
    .addOption(nodeOption())
    .addOption(tokenFileOption())
    .addOption(timeoutOption(10))
    .addOption(jsonOption())
    .action((options: StatusOptions) => interruptible((signal) => status(options, signal)));
}

async function status(options: StatusOptions, signal: AbortSignal): Promise<void> {
  const client = await nodeClient(options, signal);
  const facts = await client.status();
  if (options.json) await printJson(facts);
  else await print(summary(facts) + peerTable(facts.cluster.peers));
}

function summary({ id, version, uptimeSeconds, rain, cluster, store, scrub, kernel, memory }: NodeStatus): string {
  const used = store.replicaBytes + store.cachedBytes + store.otherBytes;
  const kinds = `${bytesText(store.replicaBytes)} replicas, ${bytesText(store.cachedBytes)} cached, ${bytesText(store.otherBytes)} other`;
  const alive = cluster.peers.filter((peer) => peer.state === 'alive').length;
  return table([
    [colours.bold('node'), `${id}, murky-waters ${version}, up ${secondsText(uptimeSeconds)}`],
    [
      colours.bold('rain'),
      `${rain.advertised}, ${rain.sealed ? 'sealed' : colours.yellow('not sealed')}, ${kernel} kernel`,
    ],
    [colours.bold('objects'), `${store.objects} (and ${store.tombstones} deleted)`],
    [
      colours.bold('space'),
      `${bytesText(used)} of ${bytesText(store.maxBytes)} (${shareText(used / store.maxBytes || 0)}): ${kinds}`,
    ],
    [colours.bold('scrub'), scrubText(scrub)],
    [
      colours.bold('cluster'),
      `${cluster.replicas} replicas, write quorum ${cluster.writeQuorum}, weight ${cluster.weight}`,
    ],
    [colours.bold('peers'), cluster.peers.length === 0 ? 'none' : `${alive} of ${cluster.peers.length} alive`],
    [colours.bold('memory'), `${bytesText(memory.residentBytes)} resident, ${bytesText(memory.heapBytes)} heap`],
  ]);
}

function scrubText({ state, progress, passes, damagedBlocks, mendedBlocks }: ScrubStatus): string {
  if (state === 'off') return 'off';
  const found = damagedBlocks === 0 ? 'no damage found' : `${damagedBlocks} damaged, ${mendedBlocks} mended`;
  return `${state === 'reading' ? `${shareText(progress)} read` : 'at rest'}, ${countText(passes, 'whole pass', 'whole passes')}, ${found}`;
}

function peerTable(peers: readonly PeerStatus[]): string {
  if (peers.length === 0) return '';
  const rows = peers.map((peer) => [
    printable(peer.host.includes(':') ? `[${peer.host}]:${peer.port}` : `${peer.host}:${peer.port}`),
    stateText(peer),
    peer.id ?? '-',
    peer.weight === null ? '-' : String(peer.weight),
    peer.roundTripMs === null ? '-' : `${peer.roundTripMs.toFixed(1)} ms`,
    peer.lastSeenSecondsAgo === null ? 'never' : `${secondsText(peer.lastSeenSecondsAgo)} ago`,
    String(peer.hints),
  ]);
  const heads = ['peer', 'state', 'id', 'weight', 'round trip', 'last seen', 'hints'].map(colours.dim);
  return `\n${table([heads, ...rows], [3, 4, 5, 6])}`;
}

function stateText({ state, suspect }: PeerStatus): string {
  if (state === 'alive') return suspect ? colours.yellow('suspect') : colours.green('alive');
  return { away: colours.red, unknown: colours.yellow, left: colours.dim }[state](state);
}
