/**
 * Fetches one object over loopback: with rain from 1, 2 and 4 server processes, sealed and verified, and with an HTTP
 * GET from the gateway of a node that holds the same bytes. Medians of several rounds, interleaved.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RainClient } from '../../src/index.js';
import { blockOfBytes } from './bytes.js';

export interface LoopbackRow {
  readonly way: string;
  readonly megabytesPerSecond: number;
  /** Against the HTTP GET of the same run. */
  readonly ratio: number;
  /** Symbols that decoding took beyond the source symbols, as a share of them; null for HTTP. */
  readonly overhead: number | null;
}

const KEY = '5b'.repeat(32);
const RESOURCE = 42n;
const ROUNDS = 5;

export async function measureLoopback(bytes = 64 * 2 ** 20): Promise<LoopbackRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'murky-bench-'));
  const children: ChildProcess[] = [];
  const client = await RainClient.open({ key: Buffer.from(KEY, 'hex') });
  try {
    const servers: string[] = [];
    for (let i = 0; i < 4; i++) {
      const words = [fileURLToPath(new URL('rain-server.ts', import.meta.url)), KEY, `${RESOURCE}`, `${bytes}`, '1'];
      servers.push(await firstLine(['--import', 'tsx', ...words], children));
    }
    const value = blockOfBytes(bytes, 1);
    const digest = createHash('sha256').update(value).digest('hex');
    const url = `${await startGateway(folder, children)}/objects/bench`;
    const put = await fetch(url, { method: 'PUT', body: value as Uint8Array<ArrayBuffer> });
    if (!put.ok) throw new Error(`the gateway refused the object: ${put.status}`);

    const counts = [1, 2, 4];
    const seconds = new Map<string, number[]>();
    const overheads = new Map<string, number>();
    const note = (way: string, started: number) => {
      seconds.set(way, [...(seconds.get(way) ?? []), (performance.now() - started) / 1000]);
    };
    for (let round = 0; round < ROUNDS; round++) {
      let started = performance.now();
      const answer = new Uint8Array(await (await fetch(url)).arrayBuffer());
      check(answer, digest);
      note('HTTP GET from the gateway', started);
      for (const count of counts) {
        const way = `rain from ${count} server${count > 1 ? 's' : ''}`;
        started = performance.now();
        const fetched = await client.fetch(RESOURCE, { servers: servers.slice(0, count) });
        note(way, started);
        check(fetched.bytes, digest);
        overheads.set(way, fetched.report.overhead);
      }
    }
    const rate = (way: string) => bytes / 1e6 / median(seconds.get(way) ?? []);
    return [...seconds.keys()].map((way) => ({
      way,
      megabytesPerSecond: rate(way),
      ratio: rate(way) / rate('HTTP GET from the gateway'),
      overhead: overheads.get(way) ?? null,
    }));
  } finally {
    await client.close();
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startGateway(folder: string, children: ChildProcess[]): Promise<string> {
  const config = join(folder, 'murky-config.json');
  const settings = { http: { port: 0 }, 'pouring-rain': { port: 0 }, 'data-dir': 'data' };
  writeFileSync(config, JSON.stringify(settings));
  const murky = fileURLToPath(new URL('../../dist/cli/murky.js', import.meta.url));
  const ready = await firstLine([murky, 'serve', '--config', config], children);
  const http = /http=(\S+)/.exec(ready)?.[1];
  if (!http) throw new Error(`the node said "${ready}" instead of that it is ready`);
  return http;
}

function firstLine(words: string[], children: ChildProcess[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
      if (out.includes('\n')) resolve(out.slice(0, out.indexOf('\n')));
    });
    child.on('exit', (code) => reject(new Error(`a server ended with ${code}`)));
  });
}

function check(bytes: Uint8Array, digest: string): void {
  if (createHash('sha256').update(bytes).digest('hex') !== digest) throw new Error('wrong bytes came back');
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
