import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MurkyError } from '../../errors.js';
import { NodeClient } from '../http/node-client.js';
import { DemoNode } from './demo-node.js';

const MEET_LIMIT_MS = 20_000;
const MEET_POLL_MS = 100;
const IDLE_TIMEOUT_MS = 60_000;

export interface DemoClusterOptions {
  readonly nodes: number;
  readonly dropFraction: number;
  /** Of each node, to each other. */
  readonly rateBitsPerSecond: number;
}

/** Nodes that know each other, in one temporary folder; `close` leaves neither processes nor files. */
export class DemoCluster {
  readonly nodes: DemoNode[] = [];
  readonly key = randomBytes(32);
  readonly folder = mkdtempSync(join(tmpdir(), 'murky-demo-'));
  /** For an end that leaves no time: a second Ctrl-C, an error that nobody caught. */
  readonly #atExit = () => {
    for (const node of this.nodes) node.killNow();
    rmSync(this.folder, { recursive: true, force: true });
  };

  constructor(private readonly options: DemoClusterOptions) {
    process.on('exit', this.#atExit);
  }

  /** Starts the nodes one after the other, each told of those before it, and waits until all know all. */
  async start(signal: AbortSignal): Promise<void> {
    const keyFile = join(this.folder, 'cluster.key');
    writeFileSync(keyFile, `${this.key.toString('hex')}\n`, { mode: 0o600 });
    const { nodes: count, dropFraction, rateBitsPerSecond } = this.options;
    const config = {
      http: { host: '127.0.0.1', port: 0 },
      'pouring-rain': {
        host: '127.0.0.1',
        port: 0,
        'drop-fraction': dropFraction,
        'max-rate-per-peer-bits-per-second': rateBitsPerSecond,
      },
      'data-dir': 'data',
      // The put returns when every node has the file, so that each can serve all of it.
      cluster: { 'key-file': keyFile, replicas: count, 'write-quorum': count, 'write-timeout-ms': IDLE_TIMEOUT_MS },
    };
    for (let i = 1; i <= count; i++) {
      signal.throwIfAborted();
      const servers = this.nodes.map(({ rain }) => rain);
      const options = { name: `Node ${i}`, folder: join(this.folder, `node-${i}`), config, servers };
      await DemoNode.start(options, (node) => this.nodes.push(node));
    }
    await this.#met(signal);
  }

  client(node: DemoNode, signal: AbortSignal): NodeClient {
    return new NodeClient({ url: node.url, idleTimeoutMs: IDLE_TIMEOUT_MS, signal });
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
    process.removeListener('exit', this.#atExit);
  }

  async #met(signal: AbortSignal): Promise<void> {
    const end = performance.now() + MEET_LIMIT_MS;
    for (const node of this.nodes) {
      for (;;) {
        const { cluster } = await this.client(node, signal).status();
        if (cluster.peers.filter(({ state }) => state === 'alive').length === this.nodes.length - 1) break;
        if (performance.now() > end) {
          throw new MurkyError('MURKY_INTERNAL', `${node.name} did not find the other nodes in time.`);
        }
        await sleep(MEET_POLL_MS, undefined, { signal });
      }
    }
  }
}
