import type { Command } from 'commander';
import type {
  ClusterNode,
  ClusterReport,
  DrainStatus,
  NodeStatus,
  NodeSummary,
  PeerStatus,
  RepairStatus,
  ScrubStatus,
} from '../../node/contract.js';
import { awaitedText, clusterOverview } from '../cluster-overview.js';
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
    .summary('show how a node and its cluster are doing')
    .description('Shows what a node holds, and every node of its cluster, each asked for how it is.')
    .addOption(nodeOption())
    .addOption(tokenFileOption())
    .addOption(timeoutOption(10))
    .addOption(jsonOption())
    .action((options: StatusOptions) => interruptible((signal) => status(options, signal)));
}

async function status(options: StatusOptions, signal: AbortSignal): Promise<void> {
  const client = await nodeClient(options, signal);
  const [facts, report] = [await client.status(), await client.cluster()];
  if (options.json) await printJson({ ...facts, nodes: report.nodes });
  else await print(summary(facts, report) + nodeTable(report, facts.cluster.peers) + warningLines(report.warnings));
}

function summary(facts: NodeStatus, { nodes }: ClusterReport): string {
  const { id, version, uptimeSeconds, rain, cluster, store, scrub, repair, drain, kernel, memory } = facts;
  const away = nodes.some(({ state }) => state === 'away');
  const used = store.replicaBytes + store.cachedBytes + store.otherBytes;
  const kinds = `${bytesText(store.replicaBytes)} replicas, ${bytesText(store.cachedBytes)} cached, ${bytesText(store.otherBytes)} other`;
  return table([
    [colours.bold('node'), `${id}, murky-waters ${version}, up ${secondsText(uptimeSeconds)}`],
    [
      colours.bold('rain'),
      `${rain.advertised}, ${rain.sealed ? 'sealed' : colours.yellow('not sealed')}, ${kernel} kernel`,
    ],
    ...rain.quarantine.map(({ server, leftMs, offences }) => [
      colours.bold('quarantine'),
      `${colours.red(printable(server))} sent wrong bytes ${countText(offences, 'time', 'times')}, ${leftMs > 0 ? `left out for ${secondsText(leftMs / 1000)}` : 'asked again'}`,
    ]),
    [colours.bold('objects'), `${store.objects} (and ${store.tombstones} deleted)`],
    [
      colours.bold('space'),
      `${bytesText(used)} of ${bytesText(store.maxBytes)} (${shareText(used / store.maxBytes || 0)}): ${kinds}`,
    ],
    [colours.bold('scrub'), scrubText(scrub)],
    [colours.bold('repair'), ownRepairText(repair, away)],
    ...(drain.state === 'off' ? [] : [[colours.bold('drain'), drainText(drain)]]),
    [
      colours.bold('cluster'),
      `${cluster.replicas} replicas, write quorum ${cluster.writeQuorum}, weight ${cluster.weight}`,
    ],
    [colours.bold('nodes'), clusterOverview(nodes, cluster)],
    [colours.bold('memory'), `${bytesText(memory.residentBytes)} resident, ${bytesText(memory.heapBytes)} heap`],
  ]);
}

function ownRepairText(repair: RepairStatus, away: boolean): string {
  const { state, queued, active, underReplicated, comparing, secondsLeft, repairedObjects } = repair;
  const lacking = underReplicated === 0 ? 'nothing lacks a copy' : `${underReplicated} lack a copy`;
  const end = secondsLeft === null ? 'end not known yet' : `done in ${secondsText(secondsLeft)}`;
  const doing =
    state === 'repairing'
      ? `${countText(active, 'object', 'objects')} to do, ${end}`
      : state === 'waiting'
        ? `${countText(queued, 'waits', 'wait')} for ${awaitedText(away)}`
        : comparing
          ? 'comparing with other nodes'
          : 'nothing to do';
  return `${lacking}, ${doing}, ${repairedObjects} repaired`;
}

function drainText({ state, objectsLeft, heldUp }: DrainStatus): string {
  if (state === 'drained') return 'done: it has left the cluster and can be stopped';
  if (heldUp) return colours.yellow(printable(heldUp.detail));
  return objectsLeft === null ? 'looking through what it holds' : `${objectsLeft} still to come to other nodes`;
}

function scrubText({ state, progress, passes, damagedBlocks, mendedBlocks }: ScrubStatus): string {
  if (state === 'off') return 'off';
  const found = damagedBlocks === 0 ? 'no damage found' : `${damagedBlocks} damaged, ${mendedBlocks} mended`;
  return `${state === 'reading' ? `${shareText(progress)} read` : 'at rest'}, ${countText(passes, 'whole pass', 'whole passes')}, ${found}`;
}

function nodeTable({ nodes }: ClusterReport, peers: readonly PeerStatus[]): string {
  const owed = new Map(peers.map(({ id, hints }) => [id, hints]));
  const rows = nodes.map(({ id, name, self, state, awaySeconds, weight, zone, standby, summary }) => [
    `${printable(name)}${self ? ' (this one)' : ''}`,
    stateText(state) + (awaySeconds === null ? '' : ` ${secondsText(awaySeconds)}`),
    id ?? '-',
    zone ? printable(zone) : '-',
    weight === null ? '-' : `${weight}${standby ? ', stands by' : ''}`,
    printable(summary?.version ?? '-'),
    summary?.objects === undefined ? '-' : String(summary.objects),
    summary?.usedBytes === undefined ? '-' : bytesText(summary.usedBytes),
    summary?.underReplicated === undefined ? '-' : String(summary.underReplicated),
    repairText(summary),
    self ? '-' : String(owed.get(id) ?? 0),
  ]);
  const heads = [
    'node',
    'state',
    'id',
    'zone',
    'weight',
    'version',
    'objects',
    'used',
    'lack copies',
    'repair',
    'owed',
  ];
  return `\n${table([heads.map(colours.dim), ...rows], [6, 7, 8, 10])}`;
}

function repairText(summary: NodeSummary | null): string {
  if (summary?.repair === undefined) return '-';
  const { repair, repairQueued = 0, repairSecondsLeft = null } = summary;
  if (repairQueued === 0) return printable(repair);
  const left = repairSecondsLeft === null || repair !== 'repairing' ? '' : `, ${secondsText(repairSecondsLeft)} left`;
  return `${printable(repair)}, ${repairQueued} queued${left}`;
}

function warningLines(warnings: readonly string[]): string {
  return warnings.map((warning) => `\n${colours.yellow('warning:')} ${printable(warning)}\n`).join('');
}

function stateText(state: ClusterNode['state']): string {
  const { green, yellow, red, dim } = colours;
  return { alive: green, suspect: yellow, away: red, unknown: yellow, left: dim }[state](state);
}
