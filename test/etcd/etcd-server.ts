import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EtcdClient } from '../../src/etcd/etcd-client.js';

const installed = spawnSync('etcd', ['--version']).status === 0;
if (!installed) console.log('SKIPPED: etcd is not on the PATH, so nothing is tested against it.');

/** Where it is not, that is said once, and the tests against it are left out. */
export const etcdInstalled = installed;

/** A real etcd of one member on loopback ports, its data in a folder that goes with it. */
export class EtcdServer {
  #process: ChildProcess | undefined;
  readonly #folder = mkdtempSync(join(tmpdir(), 'murky-etcd-'));

  private constructor(
    readonly endpoint: string,
    private readonly peerUrl: string,
  ) {}

  static async start(): Promise<EtcdServer> {
    const [client, peer] = await Promise.all([freePort(), freePort()]);
    const server = new EtcdServer(`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`);
    await server.run();
    return server;
  }

  /** Starts it (again), on the data that it has. */
  async run(): Promise<void> {
    const flags = {
      'data-dir': join(this.#folder, 'data'),
      'listen-client-urls': this.endpoint,
      'advertise-client-urls': this.endpoint,
      'listen-peer-urls': this.peerUrl,
      'initial-advertise-peer-urls': this.peerUrl,
      'initial-cluster': `default=${this.peerUrl}`,
    };
    this.#process = spawn(
      'etcd',
      Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
      { stdio: 'ignore' },
    );
    this.#process.unref();
    const client = new EtcdClient({ endpoints: [this.endpoint] });
    for (let i = 0; i < 200; i++) {
      try {
        await client.get('ready');
        return;
      } catch {
        await sleep(50);
      }
    }
    throw new Error('etcd did not start within 10 s.');
  }

  /** Ends it at once, as a crash does. */
  async kill(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (!process || process.exitCode !== null) return;
    const ended = new Promise((resolve) => process.once('exit', resolve));
    process.ref(); // its end is waited for
    process.kill('SIGKILL');
    await ended;
  }

  /** At the end of a process, which waits for nothing. */
  killNow(): void {
    this.#process?.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
