import { MurkyError } from '../../src/errors.js';
import type { Etcd, EtcdBatch, EtcdEntry, EtcdEvent, PutIfResult } from '../../src/etcd/contract.js';
import type { Address } from '../../src/rain/contract.js';
import { type Clock, sleep } from '../../src/seam/clock.js';
import type { SimulatedNetwork } from './simulated-network.js';

const TIMEOUT_MS = 3000;
const LONGEST_WAY_MS = 20;
const WATCH_LOOKS_MS = 1000;

interface Stored extends EtcdEntry {
  readonly lease: string | undefined;
}

/** An etcd at an address of a simulated network: cut off with it, its questions and answers lost with a chance. */
export class MemoryEtcd {
  readonly #entries = new Map<string, Stored>();
  readonly #events: EtcdEvent[] = [];
  /** Virtual milliseconds at which each lease runs out. */
  readonly #leases = new Map<string, { seconds: number; endsAtMs: number }>();
  readonly #waiting = new Set<() => void>();
  #revision = 1;
  loss = 0;

  constructor(
    readonly net: SimulatedNetwork,
    readonly address: Address,
  ) {}

  /** As the process at `from` reaches it. */
  client(from: Address, clock: Clock): Etcd {
    const call = <T>(work: () => T) => this.#call(from, clock, work);
    return {
      get: (key) => call(() => ({ entry: this.#entries.get(key), revision: this.#revision })),
      list: (prefix, limit) => call(() => ({ entries: this.#list(prefix).slice(0, limit), revision: this.#revision })),
      put: (key, value, lease) => call(() => this.#put(key, value, lease)),
      putIf: (key, expected, value) => call(() => this.#putIf(key, expected, value)),
      grantLease: (seconds) => call(() => this.#grant(seconds)),
      keepAlive: (lease) => call(() => this.#keep(lease)),
      revokeLease: (lease) => call(() => this.#end(lease)),
      watch: (prefix, fromRevision, signal) => this.#watch(from, clock, prefix, fromRevision, signal),
    };
  }

  #list(prefix: string): Stored[] {
    return [...this.#entries.values()].filter(({ key }) => key.startsWith(prefix));
  }

  #put(key: string, value: string, lease?: string): void {
    const entry = { key, value, lease, modRevision: ++this.#revision };
    this.#entries.set(key, entry);
    this.#tell({ kind: 'put', entry });
  }

  #putIf(key: string, expected: string | null, value: string): PutIfResult {
    const current = this.#entries.get(key)?.value ?? null;
    if (current !== expected) return { done: false, current };
    this.#put(key, value);
    return { done: true };
  }

  #delete(key: string): void {
    if (this.#entries.delete(key)) this.#tell({ kind: 'delete', key, modRevision: ++this.#revision });
  }

  #grant(seconds: number): string {
    const lease = String(this.#leases.size + 1);
    this.#leases.set(lease, { seconds, endsAtMs: this.net.time.now + 1000 * seconds });
    this.#expire(lease);
    return lease;
  }

  #keep(lease: string): boolean {
    const kept = this.#leases.get(lease);
    if (!kept || kept.endsAtMs <= this.net.time.now) return false;
    kept.endsAtMs = this.net.time.now + 1000 * kept.seconds;
    return true;
  }

  #expire(lease: string): void {
    const { time } = this.net;
    const kept = this.#leases.get(lease)!;
    if (kept.endsAtMs <= time.now) this.#end(lease);
    else time.after(kept.endsAtMs - time.now, () => this.#expire(lease));
  }

  #end(lease: string): void {
    const kept = this.#leases.get(lease);
    if (kept) kept.endsAtMs = Number.NEGATIVE_INFINITY;
    for (const entry of [...this.#entries.values()]) if (entry.lease === lease) this.#delete(entry.key);
  }

  #tell(event: EtcdEvent): void {
    this.#events.push(event);
    for (const wake of [...this.#waiting]) wake();
  }

  /** What is asked takes place when it arrives, whatever becomes of the asker; the answer waits for its clock. */
  #call<T>(from: Address, clock: Clock, work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const stop = clock.after(TIMEOUT_MS, () => reject(new MurkyError('MURKY_NO_REGISTRY', 'etcd does not answer.')));
      this.#travel(from, this.address, () => {
        const result = work();
        this.#travel(this.address, from, () =>
          clock.after(0, () => {
            stop();
            resolve(result);
          }),
        );
      });
    });
  }

  #travel(from: Address, to: Address, arrive: () => void): void {
    const { time, random, cut } = this.net;
    const lost = random.unit() < this.loss;
    if (!lost && !cut(from, to)) time.after(LONGEST_WAY_MS * random.unit(), arrive);
  }

  async *#watch(
    from: Address,
    clock: Clock,
    prefix: string,
    fromRevision: number,
    signal: AbortSignal,
  ): AsyncGenerator<EtcdBatch> {
    for (let next = fromRevision; !signal.aborted; ) {
      if (this.net.cut(this.address, from) || this.net.cut(from, this.address)) return; // the connection breaks
      const events = this.#events.filter((event) => revisionOf(event) >= next && keyOf(event).startsWith(prefix));
      next = this.#revision + 1;
      if (events.length > 0) yield { revision: this.#revision, events, compacted: false };
      else await this.#changed(clock, signal);
    }
  }

  async #changed(clock: Clock, signal: AbortSignal): Promise<void> {
    let wake = () => {};
    const changed = new Promise<void>((resolve) => {
      wake = () => void clock.after(LONGEST_WAY_MS * this.net.random.unit(), resolve);
    });
    this.#waiting.add(wake);
    await Promise.race([changed, sleep(clock, WATCH_LOOKS_MS, signal).catch(() => {})]);
    this.#waiting.delete(wake);
  }
}

function keyOf(event: EtcdEvent): string {
  return event.kind === 'put' ? event.entry.key : event.key;
}

function revisionOf(event: EtcdEvent): number {
  return event.kind === 'put' ? event.entry.modRevision : event.modRevision;
}
