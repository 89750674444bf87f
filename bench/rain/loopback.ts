/**
 * How fast one server's rain is where the network is no limit: fetches over loopback, sealed and in clear, every block
 * verified, beside what TCP carries at the same moment. Medians of interleaved rounds.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { RainClient } from '../../src/index.js';
import { iperf3, nodeTcp, SECONDS } from './tcp.js';

const MIB = 2 ** 20;
const ROUNDS = 5;
const RESOURCE = 42n;
const KEY = '5b'.repeat(32);
/** The server's limits are 10 Gbit/s if nothing else is asked for: less than this machine may carry. */
const LIMIT_BITS_PER_SECOND = 100e9;

export interface LoopbackFigures {
  readonly mebibytes: number;
  readonly rounds: number;
  readonly gigabitsPerSecond: {
    readonly sealed: number;
    readonly insecure: number;
    readonly nodeTcp: number;
    readonly iperf3: number | null;
  };
  readonly sealedToIperf3: number | null;
  readonly sealedToNodeTcp: number;
  readonly sealedToInsecure: number;
  /** Of both sides' loops together, sealed, per symbol received; `waits` are calls of poll. */
  readonly systemCallsPerSymbol: { readonly sendsAndReceives: number; readonly waits: number; readonly all: number };
  /** Of a whole process, for each byte of the object; unlike the rates it hardly minds what else the machine does. */
  readonly cpuNanosecondsPerByte: { readonly sealed: CpuTime; readonly insecure: CpuTime };
}

interface CpuTime {
  readonly server: number;
  readonly client: number;
}

export async function measureLoopback(mebibytes: number): Promise<LoopbackFigures> {
  const bytes = mebibytes * MIB;
  const sealed = await Pair.start(KEY, bytes);
  const insecure = await Pair.start('', bytes);
  try {
    const rates = { sealed: [] as number[], insecure: [] as number[], nodeTcp: [] as number[], iperf3: [] as number[] };
    await sealed.fetch(); // warms code and memory
    await insecure.fetch();
    const before = await sealed.counters();
    sealed.cpu.length = 0;
    insecure.cpu.length = 0;
    for (let round = 0; round < ROUNDS; round++) {
      rates.sealed.push(await sealed.fetches());
      rates.nodeTcp.push(await nodeTcp(bytes));
      rates.insecure.push(await insecure.fetches());
      const rate = await iperf3();
      if (rate) rates.iperf3.push(rate);
    }
    const after = await sealed.counters();
    const counted = (name: string) => (after[name] ?? 0) - (before[name] ?? 0);
    const symbols = counted('symbolsReceived');
    const ratio = (other: readonly number[]) => median(rates.sealed.map((rate, round) => rate / other[round]!));
    const sendsAndReceives = (counted('sendCalls') + counted('receiveCalls')) / symbols;
    const waits = counted('waitCalls') / symbols;
    return {
      mebibytes,
      rounds: ROUNDS,
      gigabitsPerSecond: {
        sealed: median(rates.sealed) / 1e9,
        insecure: median(rates.insecure) / 1e9,
        nodeTcp: median(rates.nodeTcp) / 1e9,
        iperf3: rates.iperf3.length > 0 ? median(rates.iperf3) / 1e9 : null,
      },
      sealedToIperf3: rates.iperf3.length > 0 ? ratio(rates.iperf3) : null,
      sealedToNodeTcp: ratio(rates.nodeTcp),
      sealedToInsecure: ratio(rates.insecure),
      systemCallsPerSymbol: { sendsAndReceives, waits, all: sendsAndReceives + waits },
      cpuNanosecondsPerByte: { sealed: sealed.cpuTime(), insecure: insecure.cpuTime() },
    };
  } finally {
    await sealed.close();
    await insecure.close();
  }
}

/** A server in a process of its own and a client in this one. */
class Pair {
  /** Of each fetch. */
  readonly cpu: CpuTime[] = [];

  private constructor(
    private readonly child: ChildProcess,
    private readonly server: string,
    private readonly client: RainClient,
    private readonly bytes: number,
  ) {}

  static async start(key: string, bytes: number): Promise<Pair> {
    const script = fileURLToPath(new URL('../loopback/rain-server.ts', import.meta.url));
    const words = [script, key, `${RESOURCE}`, `${bytes}`, '1', `${LIMIT_BITS_PER_SECOND}`];
    const child = spawn(process.execPath, ['--import', 'tsx', ...words], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    const address = String((await once(child.stdout!, 'data'))[0]).trim();
    return new Pair(child, address, await RainClient.open(key ? { key: Buffer.from(key, 'hex') } : {}), bytes);
  }

  /** Bits per second of fetches one after the other, for as long as iperf3 has. */
  async fetches(): Promise<number> {
    const until = performance.now() + SECONDS * 1000;
    const each: number[] = [];
    while (performance.now() < until) each.push(1 / (await this.fetch()));
    return each.length / each.reduce((sum, one) => sum + one);
  }

  /** Bits per second of one fetch of the object, whose blocks are verified and thrown away. */
  async fetch(): Promise<number> {
    const { cpu: serverBefore } = await this.#ask();
    const clientBefore = process.cpuUsage();
    const started = performance.now();
    const { body } = await this.client.stream(RESOURCE, { servers: [this.server], transient: true });
    let received = 0;
    for await (const piece of body) received += piece.length;
    if (received !== this.bytes) throw new Error(`${received} of ${this.bytes} bytes came`);
    const seconds = (performance.now() - started) / 1000;
    const client = nanoseconds(process.cpuUsage(clientBefore)) / received;
    const { cpu: serverAfter } = await this.#ask();
    this.cpu.push({ client, server: (nanoseconds(serverAfter) - nanoseconds(serverBefore)) / received });
    return (received * 8) / seconds;
  }

  /** Medians. */
  cpuTime(): CpuTime {
    return {
      server: median(this.cpu.map(({ server }) => server)),
      client: median(this.cpu.map(({ client }) => client)),
    };
  }

  /** Both loops' together. */
  async counters(): Promise<Record<string, number>> {
    const { counters: server } = await this.#ask();
    const client = this.client.counters();
    return Object.fromEntries(Object.entries(client).map(([name, count]) => [name, count + (server[name] ?? 0)]));
  }

  async close(): Promise<void> {
    await this.client.close();
    this.child.kill('SIGKILL');
  }

  async #ask(): Promise<{ counters: Record<string, number>; cpu: NodeJS.CpuUsage }> {
    this.child.send('counters');
    const [said] = await once(this.child, 'message');
    return said;
  }
}

function nanoseconds({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) * 1000;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
