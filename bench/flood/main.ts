// npm run bench:flood: goodput of fetches from a node on loopback while 200,000 junk datagrams a second are sent to it,
// against the same without, and against the same flood at a socket that nobody reads, which takes the CPU time of
// sending but not of refusing; and sealed against in clear. Interleaved rounds, medians of the ratios of each round.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
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

async function serve(key: string): Promise<string> {
  const server = fileURLToPath(new URL('../loopback/rain-server.ts', import.meta.url));
  const words = ['--import', 'tsx', server, key, `${RESOURCE}`, `${bytes}`, '1'];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return line(child);
}

/** Megabytes a second. */
async function goodput(client: RainClient, server: string): Promise<number> {
  const started = performance.now();
  const { bytes: got } = await client.fetch(RESOURCE, { servers: [server] });
  return got.length / 1000 / (performance.now() - started);
}

interface Flooded {
  readonly goodput: number;
  /** Junk that was sent, datagrams a second. */
  readonly sent: number;
  /** Datagrams of any kind that the server's socket had no room for. */
  readonly lost: number;
}

/** Goodput while junk is sent to the server, or, with port 0, to nobody: what the flood costs the machine. */
async function flooded(client: RainClient, server: string, port: number, kind: 'noise' | 'header'): Promise<Flooded> {
  const flood = spawn(`${out}/flood`, [`${port}`, `${rate}`, kind], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(flood);
  const said = line(flood);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const before = lostAt(parseAddress(server).port);
  const measured = await goodput(client, server);
  const lost = lostAt(parseAddress(server).port) - before;
  flood.stdin.end('.');
  return { goodput: measured, sent: Number(await said), lost };
}

/** The kernel's count for the IPv4 sockets bound to a port. */
function lostAt(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const sockets = readFileSync('/proc/net/udp', 'utf8').split('\n').slice(1);
  const words = sockets.map((socket) => socket.trim().split(/\s+/)).filter((socket) => socket[1]?.endsWith(local));
  return words.reduce((sum, socket) => sum + Number(socket.at(-1)), 0);
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const sealed = await RainClient.open({ key: Buffer.from(KEY, 'hex') });
const clear = await RainClient.open();
const [sealedServer, clearServer] = await Promise.all([serve(KEY), serve('')]);
const { port } = parseAddress(sealedServer);
await Promise.all([goodput(sealed, sealedServer), goodput(clear, clearServer)]); // warms code and memory
const toQuiet: number[] = [];
const toElsewhere: number[] = [];
const ofSeal: number[] = [];
console.log(
  `${machineLine()}\n\nGoodput in MB/s; in brackets thousands of junk datagrams a second, and datagrams lost at the server's socket.\n\n` +
    '| round | in clear | sealed | flood elsewhere | noise at the server | made-up headers at the server |\n| --- | --- | --- | --- | --- | --- |',
);
for (let round = 0; round < rounds; round++) {
  const inClear = await goodput(clear, clearServer);
  const quiet = await goodput(sealed, sealedServer);
  const elsewhere = await flooded(sealed, sealedServer, 0, 'noise');
  const noise = await flooded(sealed, sealedServer, port, 'noise');
  const header = await flooded(sealed, sealedServer, port, 'header');
  const worse = Math.min(noise.goodput, header.goodput);
  toQuiet.push(worse / quiet);
  toElsewhere.push(worse / elsewhere.goodput);
  ofSeal.push(quiet / inClear);
  const loud = [elsewhere, noise, header].map(
    (one) => `${one.goodput.toFixed(0)} (${(one.sent / 1000).toFixed(0)}; ${one.lost})`,
  );
  console.log(`| ${[round + 1, inClear.toFixed(0), quiet.toFixed(0), ...loud].join(' | ')} |`);
}
console.log(
  `\nthe worse flood / quiet: ${median(toQuiet).toFixed(2)} (goal 0.5); / flood elsewhere: ` +
    `${median(toElsewhere).toFixed(2)}; sealed / in clear: ${median(ofSeal).toFixed(2)} (goal 0.6)`,
);
await Promise.all([sealed.close(), clear.close()]);
for (const child of children) child.kill('SIGKILL');
process.exit(median(toQuiet) >= 0.5 && median(ofSeal) >= 0.6 ? 0 : 1);
