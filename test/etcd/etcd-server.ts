import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EtcdClient } from '../../src/etcd/etcd-client.js';
import { EtcdGateway, type GatewayOptions } from '../../src/etcd/gateway.js';

const installed = spawnSync('etcd', ['--version']).status === 0;
if (!installed) console.log('SKIPPED: etcd is not on the PATH, so nothing is tested against it.');

/** Where it is not, that is said once, and the tests against it are left out. */
export const etcdInstalled = installed;

const certifies = installed && spawnSync('openssl', ['version']).status === 0;
if (installed && !certifies) {
  console.log('SKIPPED: openssl is not on the PATH, so nothing is tested against an etcd with a certificate.');
}
/** Also with openssl, which makes the certificates. */
export const secureEtcdInstalled = certifies;

/** A real etcd of one member on loopback ports, its data in a folder that goes with it. */
export class EtcdServer {
  #process: ChildProcess | undefined;
  readonly #folder = mkdtempSync(join(tmpdir(), 'murky-etcd-'));
  #secure = false;

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

  /** One that lets nobody in without its certificate, and without signing in as `user`. */
  static async startSecure(user: { name: string; password: string }): Promise<EtcdServer> {
    const [client, peer] = await Promise.all([freePort(), freePort()]);
    const server = new EtcdServer(`https://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`);
    server.#certify();
    await server.run();
    const gateway = new EtcdGateway(server.access);
    for (const name of ['root', user.name]) {
      await gateway.call('/v3/auth/user/add', { name, password: user.password });
      await gateway.call('/v3/auth/user/grant', { user: name, role: 'root' });
    }
    await gateway.call('/v3/auth/enable', {});
    return server;
  }

  /** How it is reached by whoever has its certificate. */
  get access(): GatewayOptions {
    const { endpoint } = this;
    if (!this.#secure) return { endpoints: [endpoint] };
    const [cert, key] = [this.certFile, this.keyFile].map((file) => readFileSync(file, 'utf8'));
    return { endpoints: [endpoint], tls: { ca: cert!, cert: cert!, key: key! } };
  }

  get certFile(): string {
    return join(this.#folder, 'cert.pem');
  }

  get keyFile(): string {
    return join(this.#folder, 'key.pem');
  }

  /** Starts it (again), on the data that it has. */
  async run(user?: GatewayOptions['user']): Promise<void> {
    const flags = {
      'data-dir': join(this.#folder, 'data'),
      'listen-client-urls': this.endpoint,
      'advertise-client-urls': this.endpoint,
      'listen-peer-urls': this.peerUrl,
      'initial-advertise-peer-urls': this.peerUrl,
      'initial-cluster': `default=${this.peerUrl}`,
      ...(this.#secure && {
        'cert-file': this.certFile,
        'key-file': this.keyFile,
        'trusted-ca-file': this.certFile,
        'client-cert-auth': 'true',
      }),
    };
    this.#process = spawn(
      'etcd',
      Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
      { stdio: 'ignore' },
    );
    this.#process.unref();
    const client = new EtcdClient({ ...this.access, ...(user && { user }) });
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

  /** One certificate that is its own authority, the server's and the client's. */
  #certify(): void {
    const made = spawnSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
        ...['-subj', '/O=murky', '-addext', 'subjectAltName=IP:127.0.0.1'],
        ...['-keyout', this.keyFile, '-out', this.certFile],
      ],
      { encoding: 'utf8' },
    );
    if (made.status !== 0) throw new Error(`openssl made no certificate: ${made.stderr}`);
    this.#secure = true;
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
