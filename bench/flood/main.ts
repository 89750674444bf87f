// npm run bench:flood: goodput of fetches from a node on loopback while 200,000 junk datagrams a second are sent to it,
// against the same without, and sealed against in clear. Interleaved rounds, medians of the ratios of each round.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
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

async function flooded(client: RainClient, server: string): Promise<{ goodput: number; sent: number }> {
  const { port } = parseAddress(server);
  const flood = spawn(`${out}/flood`, [`${port}`, `${rate}`], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(flood);
  const said = line(flood);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const measured = await goodput(client, server);
  flood.stdin.end('.');
  return { goodput: measured, sent: Number(await said) };
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const sealed = await RainClient.open({ key: Buffer.from(KEY, 'hex') });
const clear = await RainClient.open();
const [sealedServer, clearServer] = await Promise.all([serve(KEY), serve('')]);
const underFlood: number[] = [];
const ofSeal: number[] = [];
console.log(
  `${machineLine()}\n\n| round | in clear | sealed | flooded, sealed | junk a second |\n| --- | --- | --- | --- | --- |`,
);
for (let round = 0; round < rounds; round++) {
  const inClear = await goodput(clear, clearServer);
  const quiet = await goodput(sealed, sealedServer);
  const loud = await flooded(sealed, sealedServer);
  underFlood.push(loud.goodput / quiet);
  ofSeal.push(quiet / inClear);
  const text = [inClear, quiet, loud.goodput].map((value) => `${value.toFixed(0)} MB/s`);
  console.log(`| ${round + 1} | ${text.join(' | ')} | ${loud.sent.toFixed(0)} |`);
}
console.log(
  `\nflooded / quiet: ${median(underFlood).toFixed(2)} (goal 0.5); sealed / in clear: ${median(ofSeal).toFixed(2)} (goal 0.6)`,
);
await Promise.all([sealed.close(), clear.close()]);
for (const child of children) child.kill('SIGKILL');
process.exit(median(underFlood) >= 0.5 && median(ofSeal) >= 0.6 ? 0 : 1);
