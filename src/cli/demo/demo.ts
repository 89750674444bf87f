import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MurkyError } from '../../errors.js';
import { RainClient } from '../../rain/client.js';
import type { RainReport } from '../../rain/report.js';
import { Checksum } from '../checksum.js';
import { reportTable } from '../fetch/report.js';
import { coloursFor } from '../terminal/colours.js';
import { print } from '../terminal/output.js';
import { startProgress } from '../terminal/progress.js';
import { bytesText, rateText, secondsText, shareText } from '../terminal/quantity.js';
import { DemoCluster } from './demo-cluster.js';

const colours = coloursFor(process.stdout);

const NODES = 3;
const OBJECT_BYTES = 32 * 2 ** 20;
const DROP_FRACTION = 0.05;
/** Slow enough for the fetch to take some seconds, in which a server can die. */
const RATE_BITS_PER_SECOND = 24_000_000;
const STALL_TIMEOUT_MS = 10_000;
const POLL_MS = 250;
const KEY = 'demo.bin';

/**
 * Nodes, an object on one of them, and a fetch from all at once, while each drops packets and one dies. Leaves nothing
 * behind; throws if anything was not as promised.
 */
export async function demo(signal: AbortSignal): Promise<void> {
  const cluster = new DemoCluster({
    nodes: NODES,
    dropFraction: DROP_FRACTION,
    rateBitsPerSecond: RATE_BITS_PER_SECOND,
  });
  try {
    await print(
      `Starting ${NODES} nodes, each a process of its own; each drops ${shareText(DROP_FRACTION)} of its packets ` +
        `and sends at most ${rateText(RATE_BITS_PER_SECOND)} to a peer.\n`,
    );
    await cluster.start(signal);
    const sha256 = await store(cluster, signal);
    const { report, found } = await fetchThroughTrouble(cluster, signal);
    await print(summary(cluster, report, sha256 === found));
    if (sha256 !== found) throw new MurkyError('MURKY_BLOCK_CORRUPT', 'What was fetched is not what was stored.');
  } finally {
    await cluster.close();
  }
}

/** Puts random bytes on the first node; resolves with their SHA-256 when all nodes have them. */
async function store(cluster: DemoCluster, signal: AbortSignal): Promise<string> {
  const bytes = randomBytes(OBJECT_BYTES);
  const file = join(cluster.folder, KEY);
  await writeFile(file, bytes);
  const first = cluster.nodes[0]!;
  await print(`Storing ${bytesText(OBJECT_BYTES)} on ${first.name}; it is stored when all ${NODES} nodes have it.\n`);
  const watch = watchSpread(cluster, signal);
  try {
    const client = cluster.client(first, signal);
    await client.put(KEY, createReadStream(file), { bytes: OBJECT_BYTES, metadata: {} });
  } finally {
    watch.stop();
  }
  return createHash('sha256').update(bytes).digest('hex');
}

/** A bar of the bytes that have arrived at the other nodes. */
function watchSpread(cluster: DemoCluster, signal: AbortSignal): { stop(): void } {
  const others = cluster.nodes.slice(1);
  const totalBytes = others.length * OBJECT_BYTES;
  const progress = startProgress('spreading', { totalBytes });
  let seen = 0;
  let polling = false;
  const timer = setInterval(async () => {
    if (polling) return;
    polling = true;
    const held = await Promise.all(others.map((node) => bytesHeld(cluster, node, signal)));
    const sum = Math.min(
      held.reduce((a, b) => a + b, 0),
      totalBytes,
    );
    if (sum > seen) progress.advance(sum - seen);
    seen = Math.max(seen, sum);
    polling = false;
  }, POLL_MS);
  return {
    stop() {
      clearInterval(timer);
      progress.stop();
    },
  };
}

async function bytesHeld(
  cluster: DemoCluster,
  node: DemoCluster['nodes'][number],
  signal: AbortSignal,
): Promise<number> {
  try {
    const { store: held } = await cluster.client(node, signal).status();
    return held.replicaBytes + held.otherBytes;
  } catch {
    return 0; // only a bar; what is wrong with the node shows elsewhere
  }
}

/** Fetches from all nodes at once and kills one when half is there. */
async function fetchThroughTrouble(
  cluster: DemoCluster,
  signal: AbortSignal,
): Promise<{ report: RainReport; found: string }> {
  const victim = cluster.nodes[0]!;
  const servers = cluster.nodes.map(({ rain }) => rain);
  await print(`Fetching it from all ${NODES} at once; ${victim.name}, where it was stored, is killed half-way.\n`);
  const client = await RainClient.open({ key: cluster.key });
  const progress = startProgress('fetching', { totalBytes: OBJECT_BYTES });
  try {
    const stream = await client.stream(KEY, { servers, signal, stallTimeoutMs: STALL_TIMEOUT_MS });
    const checksum = new Checksum();
    for await (const _ of checksum.of(stream.body, progress.advance)) {
      if (victim.running && checksum.bytes >= OBJECT_BYTES / 2) {
        await victim.kill();
        progress.note(`${bytesText(checksum.bytes)} are here: killed ${victim.name} (SIGKILL).`);
      }
    }
    if (checksum.bytes !== OBJECT_BYTES || victim.running) {
      throw new MurkyError('MURKY_INTERNAL', 'The fetch did not bring the whole object.');
    }
    return { report: stream.report(), found: checksum.sha256() };
  } finally {
    progress.stop();
    await client.close();
  }
}

function summary(cluster: DemoCluster, report: RainReport, equal: boolean): string {
  const names = new Map(cluster.nodes.map((node) => [node.rain, node.running ? node.name : `${node.name}, killed`]));
  const total = [
    `${bytesText(report.bytes)} in ${secondsText(report.seconds)}`,
    rateText((report.bytes * 8) / report.seconds),
    `overhead ${shareText(report.overhead)}`,
    `SHA-256 ${equal ? colours.green('equal') : colours.red('not equal')}`,
  ];
  return `\n${reportTable(report, colours, names)}\n${total.join(', ')}\n`;
}
