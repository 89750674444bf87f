import { execFile } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanUp, freePort, NodeProcess, temporaryFolder, until } from './node-process.js';

const KEY = '44'.repeat(32);
const OTHER_KEY = '55'.repeat(32);
const DAY_MS = 86_400_000;
const murky = fileURLToPath(new URL('../../dist/cli/murky.js', import.meta.url));
const clockStep = fileURLToPath(new URL('../../bench/cluster/clock-step.mjs', import.meta.url));

let first: NodeProcess;
let listed: { host: string; port: number };

test.before(async () => {
  listed = { host: '127.0.0.1', port: await freePort() };
  first = await NodeProcess.start({ key: KEY, rainPort: listed.port });
});
test.after(cleanUp);

/** The sentences that `murky status` warns of. */
async function warnings(node: NodeProcess): Promise<string[]> {
  const words = [murky, 'status', '--node', node.http];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  return [...stdout.matchAll(/^warning: (.*)$/gm)].map(([, sentence]) => sentence!);
}

async function warned(node: NodeProcess, what: RegExp): Promise<void> {
  await until(`the warning ${what}`, 20, async () => {
    const told = (await warnings(node)).filter((sentence) => what.test(sentence));
    assert.ok(told.length <= 1, `it is told ${told.length} times`);
    return told.length === 1;
  });
  assert.is(node.log.split('\n').filter((line) => line && what.test(JSON.parse(line).message)).length, 1, 'in the log');
}

/** Starts a node that must not come up, and gives what it says on standard error. */
async function refusal(settings: Parameters<typeof NodeProcess.start>[0]): Promise<string> {
  const outcome = await NodeProcess.start(settings).then(
    () => 'it started',
    (error: Error) => error.message,
  );
  assert.not.match(outcome, /\n\s+at |\.js:\d|node:internal/, 'no stack trace');
  return outcome;
}

test('a clock that is a day off and a configuration that contradicts are a sentence each at the others', async () => {
  const clock = join(temporaryFolder(), 'clock');
  writeFileSync(clock, String(DAY_MS));
  const odd = await NodeProcess.start({
    key: KEY,
    peers: [listed],
    config: { 'cluster.replicas': 5, 'cluster.grace-seconds': 60 },
    environment: { MURKY_SOAK_CLOCK: clock },
    nodeFlags: ['--import', clockStep],
  });
  await odd.meets(1);
  await warned(first, new RegExp(`^The clock of ${odd.rain} is 1 day ahead of the one here; set both by NTP\\.$`));
  const differ = 'cluster.replicas is 3 here and 5 there, cluster.grace-seconds is 600 here and 60 there';
  await warned(
    first,
    new RegExp(`^${odd.rain} is configured otherwise: ${differ}; all nodes of a cluster need the same\\.$`),
  );
  await warned(odd, new RegExp(`^The clock of ${first.rain} is 1 day behind the one here; set both by NTP\\.$`));
  await odd.stop();
});

test('a node with another key is told so by itself and by the node that it lists', async () => {
  const stranger = await NodeProcess.start({ key: OTHER_KEY, peers: [listed] });
  await warned(first, /^Datagrams come in that the cluster key of this node does not open: .*\.$/);
  await until('the sentence about the listed server', 10, async () =>
    /A listed server does not answer yet; it may be down, out of reach, or have another cluster key\./.test(
      stranger.log,
    ),
  );
  await stranger.stop();
});

test('two nodes with one identity are named by both and by a third one', async () => {
  const one = await NodeProcess.start({ key: KEY, peers: [listed] });
  await one.stop();
  const folder = temporaryFolder();
  cpSync(join(one.folder, 'data'), join(folder, 'data'), { recursive: true });
  await one.start();
  const two = await NodeProcess.start({ key: KEY, peers: [listed], folder });
  assert.is(two.id, one.id);
  const advice = "A data folder was copied: empty the copy's folder, so that it gets an id of its own\\.";
  await warned(first, new RegExp(`^Two running nodes have the id ${one.id} \\(.*\\)\\. ${advice}$`));
  for (const node of [one, two]) {
    await warned(node, new RegExp(`^Another running node (\\(.*\\) )?has the id of this one\\. ${advice}$`));
  }
  await one.stop();
  await two.stop();
});

test('a data folder of another cluster is refused at the start', async () => {
  const node = await NodeProcess.start({ key: KEY });
  await node.stop();
  const said = await refusal({ key: OTHER_KEY, folder: node.folder });
  assert.match(said, /murky: The data folder .* belongs to a cluster with another key than [0-9a-f]{8}\./);
});

test('a configuration that contradicts itself is refused at the start', async () => {
  const said = await refusal({ key: KEY, config: { 'cluster.replicas': 3, 'cluster.write-quorum': 4 } });
  assert.match(said, /murky: .*write-quorum.*\./);
});

test.run();
