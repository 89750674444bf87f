import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MurkyConfig } from '../../src/config/contract.js';
import { defaultConfig } from '../../src/config/load.js';
import { MurkyNode, type NodeSeams } from '../../src/node/murky-node.js';

export interface NodeChoice {
  readonly listed?: readonly MurkyNode[];
  readonly keyFile?: string;
  readonly weight?: number;
  readonly writeQuorum?: number;
  readonly writeTimeoutMs?: number;
  readonly shareContent?: boolean;
  readonly propagateOnStartup?: boolean;
  readonly maxBytes?: number;
  /** 0, nothing is scrubbed, unless told otherwise. */
  readonly scrubBytesPerSecond?: number;
  readonly repairBytesPerSecond?: number;
  readonly dropFraction?: number;
  readonly maxRateBitsPerSecond?: number;
  readonly port?: number;
  readonly seams?: NodeSeams;
}

/** Real nodes in one process: folders of their own, UDP on 127.0.0.1, one cluster key. */
export class LocalCluster {
  readonly folder = mkdtempSync(join(tmpdir(), 'murky-cluster-'));
  readonly keyFile = this.makeKey('cluster.key');
  readonly #running = new Set<MurkyNode>();
  readonly #addresses = new Map<MurkyNode, { host: string; port: number }>();

  makeKey(name: string): string {
    const file = join(this.folder, name);
    writeFileSync(file, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
    return file;
  }

  /** The folder `name` keeps what a node had when it ran there before. */
  config(name: string, choice: NodeChoice = {}): MurkyConfig {
    const folder = join(this.folder, name);
    mkdirSync(folder, { recursive: true });
    const { host, port } = { host: '127.0.0.1', port: choice.port ?? 0 };
    const serversList = join(folder, 'servers.json');
    writeFileSync(serversList, JSON.stringify(choice.listed?.map((node) => this.addressOf(node)) ?? []));
    const base = defaultConfig(folder);
    return {
      ...base,
      dataDir: join(folder, 'data'),
      serversList,
      pouringRain: {
        ...base.pouringRain,
        host,
        port,
        dropFraction: choice.dropFraction ?? 0,
        ...(choice.maxRateBitsPerSecond && { maxRateBitsPerSecond: choice.maxRateBitsPerSecond }),
      },
      behaviour: {
        ...base.behaviour,
        autoAddPeers: true,
        shareContent: choice.shareContent ?? true,
        propagateOnStartup: choice.propagateOnStartup ?? false,
      },
      cluster: {
        ...base.cluster,
        keyFile: choice.keyFile ?? this.keyFile,
        weight: choice.weight ?? 1,
        writeQuorum: choice.writeQuorum ?? 'majority',
        writeTimeoutMs: choice.writeTimeoutMs ?? 10_000,
      },
      repair: { ...base.repair, bytesPerSecond: choice.repairBytesPerSecond ?? base.repair.bytesPerSecond },
      cache: { maxBytes: choice.maxBytes ?? 2 ** 30 },
      reclaim: { maxTimeFraction: 0.25 },
      scrub: { bytesPerSecond: choice.scrubBytesPerSecond ?? 0 },
    };
  }

  async start(name: string, choice: NodeChoice = {}): Promise<MurkyNode> {
    const node = await MurkyNode.start(this.config(name, choice), choice.seams);
    this.#running.add(node);
    const { rain } = await node.status();
    this.#addresses.set(node, { host: rain.host, port: rain.port });
    return node;
  }

  async stop(node: MurkyNode): Promise<void> {
    this.#running.delete(node);
    await node.close();
  }

  /** Starts nodes that list all before them, and waits until all know all. */
  async startAll(names: readonly string[], choice: NodeChoice = {}): Promise<MurkyNode[]> {
    const nodes: MurkyNode[] = [];
    for (const name of names) nodes.push(await this.start(name, { ...choice, listed: nodes }));
    for (const node of nodes) await this.knows(node, names.length - 1);
    return nodes;
  }

  async knows(node: MurkyNode, alive: number): Promise<void> {
    await eventually(`${alive} peers are alive`, async () => (await this.peersOf(node, 'alive')) === alive);
  }

  async peersOf(node: MurkyNode, state: string): Promise<number> {
    return (await node.status()).cluster.peers.filter((peer) => peer.state === state).length;
  }

  addressOf(node: MurkyNode): { host: string; port: number } {
    return this.#addresses.get(node)!;
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#running].map((node) => node.close()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Waits for something that will come true; a test that waits in vain says for what. */
export async function eventually(what: string, check: () => Promise<boolean>, limitMs = 30_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`It did not come true that ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function readAll(node: MurkyNode, key: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await node.get(key)).body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
