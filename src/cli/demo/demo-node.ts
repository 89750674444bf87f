import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { MurkyError } from '../../errors.js';

const READY_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 5_000;
const KEPT_LOG_CHARACTERS = 4096;

export interface DemoNodeOptions {
  readonly name: string;
  /** Its own; made here. */
  readonly folder: string;
  /** What murky-config.json in that folder says. */
  readonly config: object;
  /** `host:port` of the nodes that are there already. */
  readonly servers: readonly string[];
}

/** A `murky serve` in a process of its own. */
export class DemoNode {
  #log = '';

  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
  ) {}

  /** Of the gateway; known once `start` has resolved. */
  url = new URL('http://0.0.0.0');
  /** `host:port` of the transport. */
  rain = '';

  /** Starts the process and waits for its ready line. `onSpawn` gets the node at once, to be able to end it. */
  static async start(options: DemoNodeOptions, onSpawn: (node: DemoNode) => void): Promise<DemoNode> {
    const { name, folder, config, servers } = options;
    mkdirSync(folder);
    const list = servers.map((server) => {
      const colon = server.lastIndexOf(':');
      return { host: server.slice(0, colon), port: Number(server.slice(colon + 1)) };
    });
    writeFileSync(join(folder, 'servers.json'), JSON.stringify(list));
    const file = join(folder, 'murky-config.json');
    writeFileSync(file, JSON.stringify(config, null, 2));
    const words = [...process.execArgv, process.argv[1]!, 'serve', '--config', file, '--log-level', 'warn'];
    // The channel makes the node end when this process does, however it ends.
    const child = spawn(process.execPath, words, { env: ownEnvironment(), stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    const node = new DemoNode(name, child);
    onSpawn(node);
    await node.#ready();
    return node;
  }

  get running(): boolean {
    return this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** As a power cut: SIGKILL. Resolves when the process is gone. */
  async kill(): Promise<void> {
    if (!this.running) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }

  /** SIGTERM, and SIGKILL for what does not end in time. */
  async stop(): Promise<void> {
    if (!this.running) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_LIMIT_MS);
    await gone;
    clearTimeout(timer);
  }

  /** SIGKILL without waiting, for the last moment of this process. */
  killNow(): void {
    if (this.running) this.child.kill('SIGKILL');
  }

  async #ready(): Promise<void> {
    this.child.stderr!.on('data', (chunk: Buffer) => {
      this.#log = (this.#log + chunk).slice(-KEPT_LOG_CHARACTERS);
    });
    const lines = createInterface({ input: this.child.stdout! });
    const line = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#failed('was not ready in time')), READY_LIMIT_MS);
      lines.once('line', resolve);
      this.child.once('error', (error) => reject(this.#failed(`did not start (${error.message})`)));
      this.child.once('close', () => reject(this.#failed('did not start')));
      lines.once('line', () => clearTimeout(timer));
      this.child.once('close', () => clearTimeout(timer));
    });
    const parts = /^murky: ready http=(\S+) rain=(\S+) node=/.exec(line);
    if (!parts) throw this.#failed(`said "${line}" instead of being ready`);
    this.url = new URL(parts[1]!);
    this.rain = parts[2]!;
  }

  #failed(what: string): MurkyError {
    const last = this.#log.trim().split('\n').at(-1);
    return new MurkyError('MURKY_INTERNAL', `${this.name} ${what}.`, last ? { hint: `It said: ${last}` } : {});
  }
}

/** The nodes of the demo are configured by their files alone. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MURKY_')));
}
