/**
 * `npm run soak:crash -- --puts N --kills M --seed S`: three `murky serve` processes, one cluster; writers put objects
 * through all of them, without a pause, while one after the other is killed with SIGKILL at random instants and started
 * again. Every so many kills, and at the end, every acknowledged object must be there whole, of the acknowledged version
 * or a later one: from each node at once where a quorum is asked for, and within a minute where the node is asked for
 * what it holds itself. Exit code 1 otherwise. Ctrl-C ends it early, with a last look.
 */
import { parseArgs } from 'node:util';
import { cleanUp, freePort, NodeProcess } from '../../test/e2e/node-process.js';
import { content } from '../../test/store/objects.js';

const NODES = 3;
const WRITERS = 8;
const KEYS_PER_WRITER = 50;
/** A kill falls this long, at most, after the put that brought it about. */
const MAX_DELAY_MS = 250;
const CHECK_EVERY_KILLS = 50;
/** By then a node that was down has been brought what it missed; its own replica may be old before (docs/consistency.md). */
const CAUGHT_UP_WITHIN_MS = 60_000;
const PROGRESS_EVERY_MS = 30_000;
const NUMBER_BYTES = 4;

const { values } = parseArgs({
  options: {
    puts: { type: 'string', default: '10000' },
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});
const wantedPuts = Number(values.puts);
const wantedKills = Number(values.kills);

/** Xorshift32 (Marsaglia 2003): below `limit`. What the processes do meanwhile is not of the seed. */
let state = Number(values.seed) | 1;
function random(limit: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % limit;
}

interface Written {
  /** Number of the last put of this key that was acknowledged, and of the last that was tried. */
  acknowledged: number;
  tried: number;
}

const written = new Map<string, Written>();
const problems: string[] = [];
let puts = 0;
let acknowledged = 0;
let refused = 0;
let kills = 0;
let checks = 0;
let caughtUpMs = 0;
let interrupted = false;
process.once('SIGINT', () => {
  interrupted = true;
});

const key = 'ab'.repeat(32);
const ports = await Promise.all(Array.from({ length: NODES }, freePort));
const nodes = await Promise.all(
  ports.map((rainPort) => {
    const peers = ports.filter((port) => port !== rainPort).map((port) => ({ host: '127.0.0.1', port }));
    return NodeProcess.start({ key, rainPort, peers });
  }),
);
const started = Date.now();
console.log(`seed ${values.seed}: ${wantedPuts} puts, ${wantedKills} kills`);
const told = setInterval(() => console.log(progress()), PROGRESS_EVERY_MS);
try {
  await Promise.all(nodes.map((node) => node.meets(NODES - 1)));
  while (!interrupted && (puts < wantedPuts || kills < wantedKills)) {
    await killAndCheck(Math.min(CHECK_EVERY_KILLS, Math.max(1, wantedKills - kills)));
  }
} finally {
  clearInterval(told);
  await cleanUp();
}
console.log(`${progress()}${interrupted ? ' (interrupted)' : ''}`);
for (const problem of problems.slice(0, 20)) console.log(problem);
process.exit(problems.length === 0 ? 0 : 1);

function progress(): string {
  const seconds = Math.round((Date.now() - started) / 1000);
  return (
    `${seconds} s: ${puts} puts (${acknowledged} acknowledged, ${refused} refused or cut off), ${kills} kills, ` +
    `${checks} objects looked at: ${problems.length} lost, torn or gone back; ` +
    `all nodes had all at most ${(caughtUpMs / 1000).toFixed(1)} s after the writes ended`
  );
}

/** Kills a node `count` times under writers that do not stop for it, then stops them and looks at everything. */
async function killAndCheck(count: number): Promise<void> {
  let stop = false;
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    while (!stop) await put(`writer-${writer}/${random(KEYS_PER_WRITER)}`);
  });
  try {
    for (let kill = 0; kill < count && !interrupted; kill++) {
      const until = puts + Math.max(1, Math.ceil((wantedPuts - puts) / Math.max(1, wantedKills - kills)));
      while (puts < until) await pause(5);
      await pause(random(MAX_DELAY_MS));
      const victim = nodes[random(NODES)]!;
      await victim.kill();
      kills++;
      await victim.start();
      await Promise.all(nodes.map((node) => node.meets(NODES - 1)));
    }
  } finally {
    stop = true;
    await Promise.all(writers);
  }
  await check();
}

async function put(name: string): Promise<void> {
  const entry = written.get(name) ?? { acknowledged: 0, tried: 0 };
  written.set(name, entry);
  const number = ++puts;
  entry.tried = number;
  try {
    const answer = await nodes[random(NODES)]!.put(name, contentOf(number));
    await answer.arrayBuffer();
    if (answer.status < 300) {
      entry.acknowledged = number;
      acknowledged++;
    } else refused++;
  } catch {
    refused++;
    await pause(10);
  }
}

async function check(): Promise<void> {
  await lookAtAll('?consistency=quorum', 0);
  caughtUpMs = Math.max(caughtUpMs, await lookAtAll('', CAUGHT_UP_WITHIN_MS));
}

/** All objects at all nodes, and those that are old once more until `patienceMs` are over; how long that took. */
async function lookAtAll(query: string, patienceMs: number): Promise<number> {
  const since = Date.now();
  let slowest = 0;
  for (const [name, { acknowledged: least, tried }] of written) {
    if (least === 0) continue;
    for (const [index, node] of nodes.entries()) {
      for (let tries = 1; ; tries++) {
        const found = await lookAt(node, name, query, least, tried).catch((error) => ({
          old: false,
          said: String(error),
        }));
        if (found?.old && Date.now() - since < patienceMs) {
          await pause(100);
          continue;
        }
        checks++;
        if (tries > 1) slowest = Date.now() - since;
        if (found) problems.push(`${name + query} at node ${index + 1} after ${kills} kills: ${found.said}`);
        break;
      }
    }
  }
  return slowest;
}

/** What is wrong with an object, and whether it is merely older than it should be. */
async function lookAt(
  node: NodeProcess,
  name: string,
  query: string,
  least: number,
  tried: number,
): Promise<{ old: boolean; said: string } | undefined> {
  const answer = await fetch(node.url(name) + query);
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (answer.status !== 200) {
    return { old: answer.status === 404, said: `put ${least} was acknowledged, and the answer is ${answer.status}` };
  }
  const number = bytes.length >= NUMBER_BYTES ? bytes.readUInt32BE(0) : 0;
  if (!bytes.equals(contentOf(number))) return { old: false, said: `torn: ${bytes.length} bytes that nobody put` };
  if (number < least) return { old: true, said: `put ${least} was acknowledged, and put ${number} is there` };
  if (number > tried) return { old: false, said: `put ${number} is there, and ${tried} was the last` };
  return undefined;
}

/** The value of a put tells its number: small ones, some of several blocks. */
function contentOf(number: number): Buffer {
  const length = number % 20 === 0 ? 2 ** 20 * (1 + (number % 3)) + number : NUMBER_BYTES + ((number * 7919) % 60_000);
  const value = content(length, number);
  value.writeUInt32BE(number, 0);
  return value;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
