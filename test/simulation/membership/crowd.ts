import { encodePing } from '../../../src/cluster/swim/ping-message.js';
import { SwimMembership } from '../../../src/cluster/swim/swim-membership.js';
import { MurkyError } from '../../../src/errors.js';
import { type Address, type RainNetwork, RequestKind, type RequestOptions } from '../../../src/rain/contract.js';
import type { Clock } from '../../../src/seam/clock.js';
import { silentLog } from '../../../src/seam/log.js';
import type { Random } from '../../../src/seam/random.js';
import type { FactStore } from '../../../src/store/contract.js';
import { seededRandom } from '../virtual-clock.js';

/** What a datagram has beside the payload: IPv4 and UDP 28, outer header and tag 32 (docs/wire.md). */
const SEALED_BYTES = 60;
const REQUEST_BYTES = SEALED_BYTES + 28 + 1;
const RESPONSE_BYTES = SEALED_BYTES + 12 + 1;
const TOKEN_BYTES = SEALED_BYTES + 28;
const TOKEN_FOR_MS = 10_000;
/** When a request is repeated. */
const REPEATS_MS = [0, 200, 600, 1400];

type Handler = (payload: Uint8Array, from: Address) => Promise<Uint8Array>;

/** Time in whole milliseconds: what is due within one runs together, which makes thousands of nodes quick. */
class Ticks {
  now = 0;
  readonly #due = new Map<number, (() => void)[]>();

  clock(skewMs: number): Clock {
    return {
      now: () => 1_767_225_600_000 + this.now + skewMs,
      monotonic: () => this.now,
      after: (delayMs, run) => this.after(delayMs, run),
    };
  }

  after(delayMs: number, run: () => void): () => void {
    let cancelled = false;
    const at = this.now + Math.max(1, Math.round(delayMs));
    const due = this.#due.get(at);
    const once = () => {
      if (!cancelled) run();
    };
    if (due) due.push(once);
    else this.#due.set(at, [once]);
    return () => {
      cancelled = true;
    };
  }

  async run(ms: number, until: () => boolean = () => false): Promise<void> {
    for (const end = this.now + ms; this.now < end && !until(); ) {
      this.now += 1;
      const due = this.#due.get(this.now);
      this.#due.delete(this.now);
      for (const run of due ?? []) run();
      if (due) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Memberships alone, without stores and objects, on a network that counts every byte as the real one would send it. */
export class Crowd {
  readonly time = new Ticks();
  readonly random: Random;
  readonly nodes = new Map<number, CrowdNode>();
  readonly #ports = new Map<string, CrowdNode>();
  loss = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  /**
   * `count` nodes that know each other: the first has heard of all, the others read its list. Resolves when they agree,
   * and fails if they have not after some time.
   */
  static async of(count: number, seed: number): Promise<Crowd> {
    const crowd = new Crowd(seed);
    for (let n = 1; n <= count; n++) crowd.nodes.set(n, new CrowdNode(crowd, n));
    const first = crowd.nodes.get(1)!;
    await first.start();
    for (const node of crowd.nodes.values()) if (node !== first) await first.hearsOf(node);
    for (const node of crowd.nodes.values()) {
      if (node !== first) await node.start();
      await crowd.time.run(20);
    }
    const agreed = () => [...crowd.nodes.values()].every((node) => node.alive() === count - 1);
    for (let second = 0; second < 120 && !agreed(); second++) await crowd.time.run(1000);
    if (!agreed()) throw new Error('The nodes did not come to know each other.');
    await crowd.#calmDown();
    return crowd;
  }

  /** Until the news of the start has been told often enough, so that the traffic falls no further. */
  async #calmDown(): Promise<void> {
    const sent = () => [...this.nodes.values()].reduce((sum, { sentBytes }) => sum + sentBytes, 0);
    for (let window = 0, before = Number.POSITIVE_INFINITY; window < 60; window++) {
      const from = sent();
      await this.time.run(5000);
      if (sent() - from > 0.95 * before) return;
      before = sent() - from;
    }
  }

  open(node: CrowdNode): void {
    this.#ports.set(node.address.host, node);
  }

  at(address: Address): CrowdNode | undefined {
    return this.#ports.get(address.host);
  }

  async kill(n: number): Promise<CrowdNode> {
    const node = this.nodes.get(n)!;
    this.nodes.delete(n);
    this.#ports.delete(node.address.host);
    await node.membership.close();
    return node;
  }

  /** Calls `run` after a delay, unless the datagram is lost. */
  send(from: CrowdNode, bytes: number, run: () => void): void {
    from.sentBytes += bytes;
    from.sentDatagrams += 1;
    if (this.random.unit() < this.loss) return;
    this.time.after(2 + 10 * this.random.unit(), run);
  }

  async closeAll(): Promise<void> {
    for (const n of [...this.nodes.keys()]) await this.kill(n);
  }
}

export class CrowdNode implements Pick<RainNetwork, 'address' | 'request' | 'onRequest'> {
  readonly address: Address;
  readonly id: bigint;
  readonly membership: SwimMembership;
  readonly #handlers = new Map<RequestKind, Handler>();
  /** Until when the token of each other node is good here. */
  readonly #tokens = new Map<string, number>();
  sentBytes = 0;
  sentDatagrams = 0;

  constructor(
    private readonly crowd: Crowd,
    n: number,
  ) {
    this.address = { host: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, port: 1980 };
    this.id = crowd.random.bits64();
    const settings = { replicas: 3, writeQuorum: 'majority', graceSeconds: 600 } as const;
    const servers = [{ host: '10.0.0.1', port: 1980 }];
    const options = { id: this.id, weight: 1, zone: '', standby: false, servers, autoAddPeers: true, settings };
    this.membership = new SwimMembership(options, {
      rain: this as unknown as RainNetwork,
      facts: noFacts,
      clock: crowd.time.clock(0),
      random: crowd.random,
      log: silentLog,
      resolve: async (contact) => [contact],
    });
  }

  async start(): Promise<void> {
    this.crowd.open(this);
    await this.membership.start();
  }

  /** Members that count as running here. */
  alive(): number {
    return this.membership.members().filter(({ state }) => state === 'alive').length;
  }

  stateOf(id: bigint): string {
    return this.membership.members().find((member) => member.id === id)?.state ?? 'none';
  }

  /** As if the other one had asked whether this one is there. */
  async hearsOf(node: CrowdNode): Promise<void> {
    const { bytes: ping } = encodePing({
      self: { id: node.id, boot: 1n, incarnation: 1, weight: 1, zone: '', standby: false, left: false },
      to: this.id,
      belief: { incarnation: 1, status: 'alive' },
      wallMs: 1_767_225_600_000,
      settings: { replicas: 3, writeQuorum: 'majority', graceSeconds: 600 },
      digest: 0n,
      news: [],
    });
    await this.#handlers.get(RequestKind.Ping)!(ping, node.address);
  }

  onRequest(kind: RequestKind, handler: Handler): void {
    this.#handlers.set(kind, handler);
  }

  request(to: Address, kind: RequestKind, payload: Uint8Array, options: RequestOptions = {}): Promise<Uint8Array> {
    const { time } = this.crowd;
    return new Promise((resolve, reject) => {
      const cancels: (() => void)[] = [];
      let done = false;
      const settle = (end: () => void) => {
        done = true;
        for (const cancel of cancels) cancel();
        end();
      };
      const onTimeout = () => settle(() => reject(new MurkyError('MURKY_TIMEOUT', 'There was no answer in time.')));
      cancels.push(time.after(options.timeoutMs ?? 2000, onTimeout));
      const attempt = () => {
        if (done) return;
        const hasToken = (this.#tokens.get(to.host) ?? 0) > time.now;
        this.crowd.send(this, REQUEST_BYTES + payload.length, () => {
          const there = this.crowd.at(to);
          if (!there) return;
          if (!hasToken) {
            this.crowd.send(there, TOKEN_BYTES, () => {
              this.#tokens.set(to.host, time.now + TOKEN_FOR_MS);
              attempt();
            });
            return;
          }
          void there.#answer(kind, payload, this.address).then((answer) => {
            this.crowd.send(there, RESPONSE_BYTES + answer.length, () => !done && settle(() => resolve(answer)));
          });
        });
      };
      for (const delay of REPEATS_MS) {
        if (delay === 0) attempt();
        else cancels.push(time.after(delay, attempt));
      }
    });
  }

  async #answer(kind: RequestKind, payload: Uint8Array, from: Address): Promise<Uint8Array> {
    const handler = this.#handlers.get(kind);
    if (!handler) throw new Error('Requests of this kind are not answered here.');
    return handler(payload, from);
  }
}

const noFacts: FactStore = {
  get: async () => undefined,
  put: async () => {},
  delete: async () => {},
  async *entries() {},
};
