// npm run bench:flood: goodput of fetches from a node on loopback while 200,000 junk datagrams a second are sent to it,
// against the same without, and against the same flood at a socket that nobody reads, which takes the CPU time of
// sending but not of refusing; and sealed against in clear. Interleaved rounds, medians of the ratios of each round.
// Before that, the CPU time that junk of each kind takes of an idle server, which is the same on a busy machine.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAddress, RainClient } from '../../src/index.js';
import { machineLine } from '../machine.js';

const KEY = '5b'.repeat(32);
const RESOURCE = 42n;
const option = (name: string, otherwise: number) =>
  Number(process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise);
const rounds = option('rounds', 5);
const bytes = option('mib', 64) * 2 ** 20;
const rate = option('rate', 200_000);

const out = fileURLToPath(new URL('../../build/flood', import.meta.url));
mkdirSync(out, { recursive: true });
const source = fileURLToPath(new URL('flood.cc', import.meta.url));
const built = spawnSync(process.env.CXX ?? 'c++', ['-O2', '-o', `${out}/flood`, source], { stdio: 'inherit' });
if (built.status !== 0) process.exit(1);

const children: ChildProcess[] = [];

function line(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
    child.on('exit', (code) => reject(new Error(`a process ended with ${code}`)));
  });
}

async function serve(key: string): Promise<{ address: string; pid: number }> {
  const server = fileURLToPath(new URL('../loopback/rain-server.ts', import.meta.url));
  const words = ['--import', 'tsx', server, key, `${RESOURCE}`, `${bytes}`, '1'];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return { address: await line(child), pid: child.pid ?? 0 };
}

/** Megabytes a second. */
async function goodput(client: RainClient, server: string): Promise<number> {
  const started = performance.now();
  const { bytes: got } = await client.fetch(RESOURCE, { servers: [server] });
  return got.length / 1000 / (performance.now() - started);
}

/** Kinds of junk, and what they ask of a receiver. */
const KINDS = {
  noise: 'noise',
  header: 'made-up headers',
  known: "a known sender's headers",
} as const;
type Kind = keyof typeof KINDS;

interface Flooded<T> {
  readonly result: T;
  /** Junk that was sent, datagrams a second. */
  readonly sent: number;
  readonly count: number;
  /** CPU time of sending one, which on loopback includes the kernel's work up to the receiver's queue. */
  readonly sendNanos: number;
}

/** Does something while junk is sent to the server, or, with port 0, to nobody: what the flood costs the machine. */
async function flooded<T>(port: number, kind: Kind, work: () => Promise<T>): Promise<Flooded<T>> {
  const words = [`${port}`, `${rate}`, kind === 'known' ? knownBoot : kind];
  const flood = spawn(`${out}/flood`, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(flood);
  const said = line(flood);
  await wait(300);
  const result = await work();
  flood.stdin.end('.');
  const [count = 0, sent = 0, sendNanos = 0] = (await said).split(' ').map(Number);
  return { result, sent, count, sendNanos };
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The boot id in the datagrams of a client: 8 bytes from the 8th on (docs/wire.md), in hex. */
async function bootOf(client: RainClient): Promise<string> {
  const ear = createSocket('udp4');
  await new Promise<void>((resolve) => ear.bind(0, '127.0.0.1', resolve));
  const heard = new Promise<Buffer>((resolve) => ear.once('message', resolve));
  const asking = client.fetch(RESOURCE, { servers: [`127.0.0.1:${ear.address().port}`], lookupTimeoutMs: 300 });
  await asking.catch(() => {}); // nobody answers there
  const boot = (await heard).toString('hex', 8, 16);
  ear.close();
  return boot;
}

/** Nanoseconds of CPU time that a process has used in all of its threads. */
function cpuNanos(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => {
    return sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  }, 0);
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const sealed = await RainClient.open({ key: Buffer.from(KEY, 'hex') });
const clear = await RainClient.open();
const [{ address: sealedServer, pid }, { address: clearServer }] = await Promise.all([serve(KEY), serve('')]);
const { port } = parseAddress(sealedServer);
await Promise.all([goodput(sealed, sealedServer), goodput(clear, clearServer)]); // warms code and memory
const knownBoot = await bootOf(sealed);
const kinds = Object.keys(KINDS) as Kind[];

console.log(`${machineLine()}\n\nCPU time of one junk datagram at an idle server, nanoseconds.\n`);
console.log('| junk | of the server | of the sender, with the kernel up to the server | sent a second |');
console.log('| --- | --- | --- | --- |');
for (const kind of kinds) {
  const before = cpuNanos(pid);
  const { count, sent, sendNanos } = await flooded(port, kind, () => wait(2000));
  const nanos = (cpuNanos(pid) - before) / count;
  console.log(`| ${KINDS[kind]} | ${nanos.toFixed(0)} | ${sendNanos.toFixed(0)} | ${sent.toFixed(0)} |`);
}

const toQuiet: number[] = [];
const toElsewhere: number[] = [];
const ofSeal: number[] = [];
console.log('\nGoodput in MB/s; in brackets thousands of junk datagrams a second.\n');
console.log(`| round | in clear | sealed | flood elsewhere | ${kinds.map((kind) => KINDS[kind]).join(' | ')} |`);
console.log('| --- | --- | --- | --- | --- | --- | --- |');
const measure = () => goodput(sealed, sealedServer);
for (let round = 0; round < rounds; round++) {
  const inClear = await goodput(clear, clearServer);
  const quiet = await measure();
  const elsewhere = await flooded(0, 'noise', measure);
  const here: Flooded<number>[] = [];
  for (const kind of kinds) here.push(await flooded(port, kind, measure));
  const worst = Math.min(...here.map(({ result }) => result));
  toQuiet.push(worst / quiet);
  toElsewhere.push(worst / elsewhere.result);
  ofSeal.push(quiet / inClear);
  const loud = [elsewhere, ...here].map(({ result, sent }) => `${result.toFixed(0)} (${(sent / 1000).toFixed(0)})`);
  console.log(`| ${[round + 1, inClear.toFixed(0), quiet.toFixed(0), ...loud].join(' | ')} |`);
}
console.log(
  `\nthe worst flood / quiet: ${median(toQuiet).toFixed(2)} (goal 0.5); / flood elsewhere: ` +
    `${median(toElsewhere).toFixed(2)}; sealed / in clear: ${median(ofSeal).toFixed(2)} (goal 0.6)`,
);
await Promise.all([sealed.close(), clear.close()]);
for (const child of children) child.kill('SIGKILL');
process.exit(median(toQuiet) >= 0.5 && median(ofSeal) >= 0.6 ? 0 : 1);
