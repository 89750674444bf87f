import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const murky = fileURLToPath(new URL('../../dist/cli/murky.js', import.meta.url));

/** A folder that is gone when `cleanUp` runs. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'murky-e2e-'));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];
const running = new Set<NodeProcess>();

/** Ends every process and removes every folder that the tests made. */
export async function cleanUp(): Promise<void> {
  await Promise.all([...running].map((node) => node.kill()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export interface NodeSettings {
  folder?: string;
  /** 64 hexadecimal digits; none runs on loopback without a seal. */
  key?: string;
  rainPort?: number;
  peers?: { host: string; port: number }[];
  /** More configuration, in the form of the file. */
  config?: Record<string, unknown>;
  environment?: Record<string, string>;
  nodeFlags?: string[];
  serveFlags?: string[];
}

/** One `murky serve`, as a real process. */
export class NodeProcess {
  http = '';
  rain = '';
  id = '';
  log = '';
  readonly folder: string;
  #child: ChildProcess | undefined;
  #ended: Promise<{ code: number | null; signal: string | null }> = Promise.resolve({ code: null, signal: null });

  private constructor(private readonly settings: NodeSettings) {
    this.folder = settings.folder ?? temporaryFolder();
  }

  /** Starts a node and resolves when it has said that it is ready. */
  static async start(settings: NodeSettings = {}): Promise<NodeProcess> {
    const node = new NodeProcess(settings);
    await node.start();
    return node;
  }

  /** Starts it (again) on the same folder. */
  async start(): Promise<void> {
    const {
      key,
      peers = [],
      rainPort = 0,
      config = {},
      environment = {},
      nodeFlags = [],
      serveFlags = [],
    } = this.settings;
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(join(this.folder, 'servers.json'), JSON.stringify(peers));
    if (key) writeFileSync(join(this.folder, 'cluster.key'), `${key}\n`, { mode: 0o600 });
    const file = {
      'http.host': '127.0.0.1',
      'http.port': 0,
      'pouring-rain.host': '127.0.0.1',
      'pouring-rain.port': rainPort,
      'data-dir': 'data',
      'servers-list': 'servers.json',
      ...(key ? { 'cluster.key-file': 'cluster.key' } : {}),
      ...config,
    };
    writeFileSync(join(this.folder, 'murky-config.json'), JSON.stringify(file));
    const child = spawn(
      process.execPath,
      [...nodeFlags, murky, 'serve', '--config', join(this.folder, 'murky-config.json'), ...serveFlags],
      { cwd: this.folder, env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#child = child;
    running.add(this);
    this.#ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
    child.stderr?.on('data', (chunk) => {
      this.log = (this.log + chunk).slice(-20_000);
    });
    await new Promise<void>((resolve, reject) => {
      let out = '';
      child.stdout?.on('data', (chunk) => {
        out += chunk;
        const ready = /murky: ready http=(\S+) rain=(\S+) node=(\S+)/.exec(out);
        if (!ready) return;
        [, this.http = '', this.rain = '', this.id = ''] = ready;
        resolve();
      });
      child.on('close', (code) =>
        reject(new Error(`murky serve ended with ${code} before it was ready:\n${this.log}`)),
      );
    });
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get rainAddress(): { host: string; port: number } {
    const { hostname, port } = new URL(`udp://${this.rain}`);
    return { host: hostname, port: Number(port) };
  }

  /** SIGKILL, and the process is gone when it resolves. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
    running.delete(this);
  }

  /** SIGTERM; resolves with the exit code. */
  async stop(): Promise<number | null> {
    this.#child?.kill('SIGTERM');
    const { code } = await this.#ended;
    running.delete(this);
    return code;
  }

  url(key: string): string {
    return `${this.http}/objects/${key.split('/').map(encodeURIComponent).join('/')}`;
  }

  put(key: string, body: Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(this.url(key), { method: 'PUT', body, headers });
  }

  get(key: string, options: RequestInit = {}): Promise<Response> {
    return fetch(this.url(key), options);
  }

  delete(key: string): Promise<Response> {
    return fetch(this.url(key), { method: 'DELETE' });
  }

  // biome-ignore lint/suspicious/noExplicitAny: the shape of /status is what its own tests are about
  async status(): Promise<any> {
    return (await fetch(`${this.http}/status`)).json();
  }

  /** Waits until this node sees `count` living peers. */
  async meets(count: number, seconds = 20): Promise<void> {
    await until(`${count} living peers`, seconds, async () => {
      const { cluster } = await this.status();
      return cluster.peers.filter((peer: { state: string }) => peer.state === 'alive').length >= count;
    });
  }
}

/** Polls until `holds` is true; fails with `what` after `seconds`. */
export async function until(what: string, seconds: number, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`${what} did not come in ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A UDP and TCP port that nobody has at the moment, for nodes whose address others must know beforehand. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** Bytes that look random and are the same for the same seed (xorshift32). */
export function someBytes(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed * 2654435761 || 1;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return bytes;
}
