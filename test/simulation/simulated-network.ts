import { isMurkyError, MurkyError } from '../../src/errors.js';
import { blockCount, encodeManifest, type Manifest, sha256 } from '../../src/object/manifest.js';
import { compareVersions } from '../../src/object/version.js';
import { MAX_BODY_BYTES } from '../../src/rain/answer.js';
import {
  type Address,
  type BlockFetch,
  type BlockSource,
  type FetchOptions,
  type Located,
  type LookupAnswer,
  type RainNetwork,
  RequestKind,
  type RequestOptions,
} from '../../src/rain/contract.js';
import { NOTHING } from '../../src/rain/report.js';
import type { Clock } from '../../src/seam/clock.js';
import type { Random } from '../../src/seam/random.js';
import type { VirtualTime } from './virtual-clock.js';

/** When a question is first repeated, as by the packet loop; the pause then doubles each time. */
const FIRST_REPEAT_MS = 200;

/** What a datagram on its way from one address to another may meet. */
export interface Link {
  /** How likely it is lost, and how likely it comes twice. */
  readonly loss: number;
  readonly duplication: number;
  /** It takes half as long to one and a half times as long, so that datagrams overtake each other. */
  readonly delayMs: number;
}

/** Where a process runs: its clock, and who lets it see what comes in. */
export interface Host {
  readonly clock: Clock;
  receive(run: () => void): void;
}

/** Datagrams between simulated nodes: delayed, lost and doubled from a seed, cut by partitions. */
export class SimulatedNetwork {
  readonly #ports = new Map<string, SimulatedRain>();
  loss = 0;
  delayMs = 5;
  /** Overrides loss and delay where a simulation wants links of its own. */
  link: (from: Address, to: Address) => Link = () => ({ loss: this.loss, duplication: 0, delayMs: this.delayMs });
  /** True where nothing passes between two addresses. */
  cut: (from: Address, to: Address) => boolean = () => false;
  /** Told of each datagram that arrives. */
  onArrival: (from: Address, to: Address) => void = () => {};

  constructor(
    readonly time: VirtualTime,
    readonly random: Random,
  ) {}

  /** Nodes with different keys do not hear each other. Without a host of its own a node never stands still. */
  open(address: Address, source: BlockSource, key = 'key', host?: Host): SimulatedRain {
    const always = { clock: this.time.clock(), receive: (run: () => void) => run() };
    const rain = new SimulatedRain(this, address, source, key, host ?? always);
    this.#ports.set(nameOf(address), rain);
    return rain;
  }

  close(rain: SimulatedRain): void {
    if (this.#ports.get(nameOf(rain.address)) === rain) this.#ports.delete(nameOf(rain.address));
  }

  /** Hands `work` the node at `to` after the delay, unless the datagram is lost. */
  send(from: SimulatedRain, to: Address, work: (there: SimulatedRain) => void): void {
    if (this.#ports.get(nameOf(from.address)) !== from) return; // its process has ended
    const { loss, duplication, delayMs } = this.link(from.address, to);
    const copies = this.random.unit() < duplication ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.random.unit() < loss || this.cut(from.address, to)) continue;
      this.time.after(delayMs * (0.5 + this.random.unit()), () => {
        const there = this.#ports.get(nameOf(to));
        if (!there || there.key !== from.key) return;
        this.onArrival(from.address, to);
        there.host.receive(() => work(there));
      });
    }
  }
}

type Handler = (payload: Uint8Array, from: Address) => Promise<Uint8Array>;

/** RainNetwork without coding: requests at least once, blocks one by one from whoever answers. */
export class SimulatedRain implements RainNetwork {
  readonly #handlers = new Map<RequestKind, Handler>();
  /** Blocks that others were given from here. */
  served = 0;
  /** Bytes of blocks that this node has fetched. */
  fetchedBytes = 0;
  /** Fetches of this node that have begun and not ended. */
  fetching = 0;
  /** Owners that this node asks to hold something, and that have not answered yet. */
  delivering = 0;

  constructor(
    private readonly net: SimulatedNetwork,
    readonly address: Address,
    readonly source: BlockSource,
    readonly key: string,
    readonly host: Host,
  ) {}

  close(): void {
    this.net.close(this);
  }

  onRequest(kind: RequestKind, handler: Handler): void {
    this.#handlers.set(kind, handler);
  }

  request(to: Address, kind: RequestKind, payload: Uint8Array, options: RequestOptions = {}): Promise<Uint8Array> {
    if (payload.length > MAX_BODY_BYTES) throw new Error(`A request of ${payload.length} bytes is too long.`);
    const ask = async (there: SimulatedRain) => {
      const handler = there.#handlers.get(kind);
      if (!handler) throw new MurkyError('MURKY_BAD_REQUEST', 'Requests of this kind are not answered here.');
      const answer = await handler(Uint8Array.from(payload), this.address);
      if (answer.length > MAX_BODY_BYTES) throw new Error(`An answer of ${answer.length} bytes is too long.`);
      return Uint8Array.from(answer);
    };
    const answer = this.#call(to, ask, options);
    if (kind !== RequestKind.Propagate) return answer;
    this.delivering += 1;
    return answer.finally(() => {
      this.delivering -= 1;
    });
  }

  lookup(to: Address, id: bigint, options: RequestOptions = {}): Promise<LookupAnswer> {
    return this.#call(to, (there) => there.#answerLookup(id), options);
  }

  async locate(id: bigint, servers: readonly Address[], options: RequestOptions = {}): Promise<Located | undefined> {
    const replies = await Promise.all(
      servers.map(async (server) => {
        try {
          return { server, answer: await this.lookup(server, id, options) };
        } catch {
          options.signal?.throwIfAborted();
          return { server, answer: undefined };
        }
      }),
    );
    if (replies.every(({ answer }) => !answer)) throw new MurkyError('MURKY_NO_SERVER', 'No server answered.');
    const found = replies.filter(({ answer }) => answer?.found);
    const newest = found.sort((a, b) => compareVersions(b.answer!.version, a.answer!.version))[0]?.answer;
    if (!newest?.manifest) return undefined;
    const has = (answer?: LookupAnswer) =>
      answer?.found === true && compareVersions(answer.version, newest.version) === 0;
    return {
      manifest: newest.manifest,
      holders: replies.filter(({ answer }) => has(answer)).map(({ server }) => server),
      others: replies.filter(({ answer }) => answer && !has(answer)).map(({ server }) => server),
      silent: replies.filter(({ answer }) => !answer).map(({ server }) => server),
    };
  }

  fetch(manifest: Manifest, servers: readonly Address[], options: FetchOptions = {}): BlockFetch {
    const all = [...servers];
    const blocks = this.#blocks(manifest, all, options);
    return {
      [Symbol.asyncIterator]: () => blocks,
      report: () => NOTHING,
      addServer: (server) => void all.push(server),
    };
  }

  async *#blocks(manifest: Manifest, servers: Address[], options: FetchOptions) {
    const end = options.endBlock ?? blockCount(manifest.size, manifest.blockBytes);
    this.fetching += 1;
    try {
      for (let index = options.firstBlock ?? 0; index < end; index++) {
        const bytes = await this.#block(manifest, index, servers, options);
        this.fetchedBytes += bytes.length;
        yield { index, bytes };
      }
    } finally {
      this.fetching -= 1;
    }
  }

  async #block(manifest: Manifest, index: number, servers: Address[], options: FetchOptions): Promise<Uint8Array> {
    const { clock } = this.host;
    const deadline = clock.monotonic() + (options.stallTimeoutMs ?? 10_000);
    const signal = options.signal ? { signal: options.signal } : {};
    for (let turn = index; clock.monotonic() < deadline; turn++) {
      let gone = 0;
      for (let i = 0; i < servers.length; i++) {
        const server = servers[(turn + i) % servers.length]!;
        try {
          const bytes = await this.#call(
            server,
            async (there) => {
              const block = await there.source.block(manifest.id, manifest.version, index);
              if (block) there.served += 1;
              return block;
            },
            { timeoutMs: 1000, ...signal },
          );
          if (bytes && sha256(bytes).equals(manifest.blockHashes[index]!)) return bytes;
          gone += 1;
        } catch (error) {
          options.signal?.throwIfAborted();
          if (!isMurkyError(error, 'MURKY_TIMEOUT')) gone += 1;
        }
      }
      if (gone === servers.length) break;
    }
    const newer = await this.locate(manifest.id, servers, { timeoutMs: 1000 }).catch(() => undefined);
    if (newer && compareVersions(newer.manifest.version, manifest.version) > 0) {
      throw new MurkyError('MURKY_SUPERSEDED', 'The version was overwritten while it was fetched.');
    }
    throw new MurkyError('MURKY_NO_SERVER', 'No server is left.');
  }

  async #answerLookup(id: bigint): Promise<LookupAnswer> {
    const manifest = await this.source.current(id);
    const nothing = { time: 0n, node: 0n };
    if (!manifest) {
      return { found: false, version: nothing, tombstone: false, manifestBytes: 0, manifestSha256: new Uint8Array(32) };
    }
    const encoded = encodeManifest(manifest);
    const { version, tombstone } = manifest;
    return {
      found: true,
      version,
      tombstone,
      manifestBytes: encoded.length,
      manifestSha256: sha256(encoded),
      manifest,
    };
  }

  /** A question that is repeated until answered, so that it may well be answered several times. */
  #call<T>(to: Address, answer: (there: SimulatedRain) => Promise<T>, options: RequestOptions): Promise<T> {
    const { clock } = this.host;
    return new Promise((resolve, reject) => {
      const timers: (() => void)[] = [];
      const settle = (end: () => void) => {
        for (const cancel of timers) cancel();
        options.signal?.removeEventListener('abort', onAbort);
        end();
      };
      const onAbort = () => settle(() => reject(options.signal?.reason));
      if (options.signal?.aborted) return onAbort();
      options.signal?.addEventListener('abort', onAbort, { once: true });
      const onTimeout = () => settle(() => reject(new MurkyError('MURKY_TIMEOUT', 'There was no answer in time.')));
      timers.push(clock.after(options.timeoutMs ?? 2000, onTimeout));
      const attempt = (repeatAfterMs: number) => {
        this.net.send(this, to, (there) => {
          answer(there).then(
            (value) => this.net.send(there, this.address, (here) => here === this && settle(() => resolve(value))),
            (error) => this.net.send(there, this.address, (here) => here === this && settle(() => reject(error))),
          );
        });
        timers.push(clock.after(repeatAfterMs, () => attempt(2 * repeatAfterMs)));
      };
      attempt(FIRST_REPEAT_MS);
    });
  }
}

function nameOf(address: Address): string {
  return `${address.host}:${address.port}`;
}
