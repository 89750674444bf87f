/**
 * `npm run soak:cluster -- --minutes M --seed S`: three `murky serve` processes, one cluster, a load of puts, gets and
 * deletes through all of them, and faults at random: SIGKILL, SIGSTOP, partitions (also of one direction), steps of the
 * wall clock within an hour either way. Every two minutes all faults end; then all nodes have to hold the same within 60
 * seconds, and every key has to have the last acknowledged value or one whose write had no clear answer. Whatever a get
 * gives meanwhile has to be a value that was put under its key. Exit code 1 otherwise. Ctrl-C ends it early, with a last look. `--break lose-write` and `--break resurrect-delete` change one key
 * behind the checker's back, which has to find it.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cleanUp, freePort, NodeProcess, temporaryFolder } from '../../test/e2e/node-process.js';
import { seededRandom } from '../../test/simulation/virtual-clock.js';
import { KeyHistory, type Value } from './key-history.js';
import { PartitionableNetwork } from './partitionable-network.js';

const NODES = 3;
const WRITERS = 6;
const KEYS_PER_WRITER = 20;
const ROUND_MS = 120_000;
const CONVERGED_WITHIN_MS = 60_000;
/** Once it is over this is given up on. */
const PATIENCE_MS = 300_000;
const REQUEST_TIMEOUT_MS = 30_000;
const HOUR_MS = 3_600_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    break: { type: 'string' },
  },
});
type Break = 'lose-write' | 'resurrect-delete';
const broken = values.break as Break | undefined;
if (broken && broken !== 'lose-write' && broken !== 'resurrect-delete') {
  console.error('--break is lose-write or resurrect-delete.');
  process.exit(2);
}
const endMs = Date.now() + Number(values.minutes) * 60_000;
const random = seededRandom(Number(values.seed));
const below = (limit: number) => Math.floor(random.unit() * limit);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const faults: Record<string, number> = { SIGKILL: 0, SIGSTOP: 0, partition: 0, 'one-way cut': 0, 'clock step': 0 };
const operations = { puts: 0, deletes: 0, gets: 0, acknowledged: 0, refused: 0 };
const problems: string[] = [];
const convergedMs: number[] = [];
const histories = new Map<string, KeyHistory>();
let number = 0;
let rounds = 0;
let interrupted = false;
process.once('SIGINT', () => {
  interrupted = true;
});

const ports = await Promise.all(Array.from({ length: NODES }, freePort));
const network = await PartitionableNetwork.open(ports);
const clocks = ports.map((_, index) => join(temporaryFolder(), `clock-${index}`));
for (const clock of clocks) writeFileSync(clock, '0');
const startedMs = Date.now();
console.log(`seed ${values.seed}: ${values.minutes} minutes`);
const nodes = await Promise.all(ports.map((_, index) => startNode(index)));
try {
  await Promise.all(nodes.map((node) => node.meets(NODES - 1)));
  while (!interrupted && problems.length === 0 && Date.now() < endMs) {
    await round(Math.min(ROUND_MS, endMs - Date.now()));
    console.log(progress());
  }
} finally {
  await cleanUp();
  network.close();
}
for (const problem of problems.slice(0, 20)) console.log(problem);
console.log(`${progress()}: ${problems.length === 0 ? 'held' : `${problems.length} violations`}`);
process.exit(problems.length === 0 ? 0 : 1);

function startNode(index: number): Promise<NodeProcess> {
  const others = ports.map((_, other) => other).filter((other) => other !== index);
  return NodeProcess.start({
    key: 'ab'.repeat(32),
    rainPort: ports[index]!,
    peers: others.map((other) => ({ host: '127.0.0.1', port: network.front(other) })),
    config: { 'pouring-rain.advertise': `127.0.0.1:${network.front(index)}`, 'cluster.write-timeout-ms': 5000 },
    environment: { MURKY_SOAK_CLOCK: clocks[index]! },
    nodeFlags: ['--import', fileURLToPath(new URL('clock-step.mjs', import.meta.url))],
  });
}

function progress(): string {
  const seconds = Math.round((Date.now() - startedMs) / 1000);
  const { puts, deletes, gets, acknowledged, refused } = operations;
  const slowest = convergedMs.length > 0 ? (Math.max(...convergedMs) / 1000).toFixed(1) : '-';
  const what = Object.entries(faults).map(([fault, count]) => `${count} ${fault}`);
  return (
    `${seconds} s: ${puts} puts, ${deletes} deletes, ${gets} gets, ${acknowledged} acknowledged, ${refused} refused or ` +
    `cut off; ${what.join(', ')}; ${rounds} rounds, all nodes the same after at most ${slowest} s`
  );
}

/** Load and faults for a while; then the faults end, the load ends, and everything is looked at. */
async function round(ms: number): Promise<void> {
  const until = Date.now() + ms;
  const going = () => Date.now() < until && !interrupted;
  const clients = Array.from({ length: WRITERS }, (_, writer) => load(writer, going));
  const readers = [read(going), read(going)];
  while (going()) {
    await pause(500 + below(4000));
    await fault(going);
  }
  network.heal();
  for (const clock of clocks) writeFileSync(clock, '0');
  const lastFault = Date.now();
  await Promise.all([...clients, ...readers]);
  if (broken) await plant(broken);
  const converged = await agree(lastFault);
  if (converged === undefined) return;
  rounds += 1;
  convergedMs.push(converged);
  if (converged > CONVERGED_WITHIN_MS) problems.push(`The nodes held the same only after ${converged} ms.`);
  for (const [key, history] of histories) await check(key, history);
}

async function load(writer: number, going: () => boolean): Promise<void> {
  while (going()) {
    const key = `writer-${writer}/${below(KEYS_PER_WRITER)}`;
    const history = histories.get(key) ?? new KeyHistory();
    histories.set(key, history);
    const node = nodes[below(NODES)]!;
    const remove = random.unit() < 0.25;
    const value: Value = remove ? 'nothing' : ++number;
    operations[remove ? 'deletes' : 'puts'] += 1;
    history.begin(value);
    const answer = await request(
      node,
      key,
      remove ? { method: 'DELETE' } : { method: 'PUT', body: contentOf(number, value) },
    );
    const status = answer?.status;
    if (status !== undefined && status < 300) {
      operations.acknowledged += 1;
      history.acknowledge(value);
    } else {
      operations.refused += 1;
      if (status !== 404) history.doubt(value); // 404: nothing to delete, and nothing was written
    }
    await pause(below(60));
  }
}

async function read(going: () => boolean): Promise<void> {
  while (going()) {
    operations.gets += 1;
    const key = `writer-${below(WRITERS)}/${below(KEYS_PER_WRITER)}`;
    const index = below(NODES);
    const answer = await request(nodes[index]!, key, {});
    if (answer?.status === 200) {
      const value = valueIn(answer.status, answer.bytes);
      if (value === undefined || !histories.get(key)?.mayBeRead(value)) {
        const what = value === undefined ? `${answer.bytes.length} bytes` : `put ${value}`;
        problems.push(`${key}, read at node ${index + 1}: ${what}, which nobody put there`);
      }
    }
    await pause(below(60));
  }
}

/** The answer; undefined if none came, or not whole. */
async function request(
  node: NodeProcess,
  key: string,
  options: RequestInit,
): Promise<{ status: number; bytes: Buffer } | undefined> {
  try {
    const answer = await fetch(node.url(key), { ...options, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()) };
  } catch {
    await pause(20);
    return undefined;
  }
}

async function fault(going: () => boolean): Promise<void> {
  const index = below(NODES);
  const node = nodes[index]!;
  const lasts = 300 + below(random.unit() < 0.3 ? 15_000 : 3000);
  const kind = below(5);
  if (kind === 0) {
    faults.SIGKILL! += 1;
    await node.kill();
    if (going()) await pause(lasts);
    await node.start();
  } else if (kind === 1) {
    faults.SIGSTOP! += 1;
    process.kill(node.pid, 'SIGSTOP');
    await pause(lasts);
    process.kill(node.pid, 'SIGCONT');
  } else if (kind === 2) {
    faults.partition! += 1;
    for (let other = 0; other < NODES; other++) {
      if (other === index) continue;
      network.cut(index, other);
      network.cut(other, index);
    }
    await pause(lasts);
    if (random.unit() < 0.8) network.heal();
  } else if (kind === 3) {
    faults['one-way cut']! += 1;
    network.cut(index, (index + 1 + below(NODES - 1)) % NODES);
    await pause(lasts);
    if (random.unit() < 0.8) network.heal();
  } else {
    faults['clock step']! += 1;
    writeFileSync(clocks[index]!, String(Math.round((random.unit() * 2 - 1) * HOUR_MS)));
  }
}

/** A write that the checker is not told of, so that to it another one is undone. */
async function plant(fault: Break): Promise<void> {
  const wanted = ([, { certain }]: [string, KeyHistory]) =>
    certain !== undefined && (certain === 'nothing') === (fault === 'resurrect-delete');
  const [key] = [...histories].find(wanted) ?? [];
  if (key === undefined) throw new Error('No key is in the state that is to be changed; let it run for longer.');
  const change: RequestInit = fault === 'lose-write' ? { method: 'DELETE' } : { method: 'PUT', body: contentOf(1, 1) };
  let status: number | undefined;
  while (status === undefined || status >= 300) status = (await request(nodes[0]!, key, change))?.status;
}

/** Waits until all nodes hold the same versions, and says how long after the last fault that was. */
async function agree(lastFault: number): Promise<number | undefined> {
  let held: string[] = [];
  while (Date.now() - lastFault < PATIENCE_MS) {
    held = await Promise.all(nodes.map(holdings));
    if (held.every((one) => one === held[0])) return Date.now() - lastFault;
    await pause(500);
  }
  problems.push(`The nodes did not come to hold the same: ${held.map((one) => one.length).join(', ')} characters.`);
  return undefined;
}

/** Every object that a node itself holds, with its version, and how many deletions. */
async function holdings(node: NodeProcess): Promise<string> {
  const listed: string[] = [];
  let after = '';
  for (;;) {
    const answer = await fetch(`${node.http}/objects?limit=1000&after=${encodeURIComponent(after)}`);
    const page = (await answer.json()) as { objects: { key: string; version: string }[]; next?: string | null };
    listed.push(...page.objects.map(({ key, version }) => `${key} ${version}`));
    if (!page.next) break;
    after = page.next;
  }
  const { store } = await node.status();
  return `${listed.join('\n')}\n${store.tombstones} deleted`;
}

async function check(key: string, history: KeyHistory): Promise<void> {
  const seen = new Set<Value>();
  for (const [index, node] of nodes.entries()) {
    const answer = await node.get(key);
    const bytes = Buffer.from(await answer.arrayBuffer());
    const value = valueIn(answer.status, bytes);
    if (value === undefined) {
      problems.push(`${key} at node ${index + 1}: ${answer.status}, ${bytes.length} bytes that nobody put`);
      return;
    }
    seen.add(value);
    const wrong = history.judge(value);
    if (wrong) problems.push(`${key} at node ${index + 1}: ${wrong}: it is ${value}, and ${history}`);
  }
  const [only] = seen;
  if (seen.size === 1 && only !== undefined) history.settle(only);
  else problems.push(`${key}: the nodes give ${[...seen].join(' and ')}`);
}

function valueIn(status: number, bytes: Buffer): Value | undefined {
  if (status === 404) return 'nothing';
  if (status !== 200 || bytes.length < 4) return undefined;
  const value = bytes.readUInt32BE(0);
  return bytes.equals(contentOf(value, value)) ? value : undefined;
}

/** The number of the put, and then as many bytes as it says: mostly few, sometimes more than one block of the log. */
function contentOf(put: number, value: Value): Buffer {
  if (value === 'nothing') return Buffer.alloc(0);
  const length = put % 50 === 0 ? 1_500_000 : put % 7 === 0 ? 50_000 : 200 + (put % 1000);
  const bytes = Buffer.alloc(length, put % 251);
  bytes.writeUInt32BE(put);
  return bytes;
}
