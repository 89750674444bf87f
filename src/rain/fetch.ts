import { isIP } from 'node:net';
import { isMurkyError, MurkyError } from '../errors.js';
import { addon, type FetchReport, type HeldBlock, RefuseReason } from '../native/addon.js';
import { versionToText } from '../object/version.js';
import { formatAddress } from './address.js';
import { BlockHashes } from './block-hashes.js';
import type { Address, BlockFetch, FetchedBlock, FetchOptions } from './contract.js';
import { LookAhead } from './look-ahead.js';
import { type Departure, isSuperseded, noServerError, pollutedError, supersededError } from './outcome.js';
import { type FetchPlan, fitToPaths, plannedBytes } from './plan.js';
import { mergeReports, type RunningFetch, summarise, type TransferProgress, type TransferReport } from './report.js';
import { type FetchHost, Session } from './session.js';
import { SizeWatch } from './size-watch.js';
import { StallWatch } from './stall-watch.js';
import { tryAlone, type Verdict } from './trial.js';

export const DEFAULT_STALL_TIMEOUT_MS = 10_000;

export type VerifiedFetchOptions = Pick<FetchOptions, 'windowBlocks' | 'signal' | 'stallTimeoutMs'>;

/**
 * Blocks of one version from several servers at once, in order, each with the hash that the plan names. Starts when
 * the first block is asked for; can be read once. A server whose bytes prove wrong is left out and named.
 */
export class VerifiedFetch implements BlockFetch {
  readonly #lookAhead: LookAhead;
  readonly #hashes: BlockHashes;
  readonly #stallTimeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #live = new Map<string, Address>();
  readonly #departures: Departure[] = [];
  /** In quarantine when the fetch began: asked only if nobody else is left. */
  readonly #benched: Address[] = [];
  /** Verified; an array is made of a block only when its reader takes it. */
  readonly #ready = new Map<number, Pick<HeldBlock, 'take' | 'drop'>>();
  readonly #wanted = new Set<number>();
  /** Blocks that are whole and being hashed; they are wanted until their bytes prove right. */
  readonly #verifying = new Set<Promise<void>>();
  /** Of these, blocks whose hash is not known yet. */
  #hashing = 0;
  readonly #trialSessions = new Set<Session>();
  /** Aborts what runs beside the session: trials and the last questions. */
  readonly #ending = new AbortController();
  #session: Session | undefined;
  /** Of sessions that have ended. */
  #earlierReport: FetchReport | undefined;
  /** Blocks of which it is not known yet who gave wrong bytes. */
  readonly #onTrial = new Set<number>();
  #trials: Promise<void> = Promise.resolve();
  #next: number;
  #wantedEnd: number;
  #failure: { error: unknown } | undefined;
  #bytes = 0;
  #startedMs: number | undefined;
  #endedMs: number | undefined;
  #read = false;
  #closed = false;
  #failing = false;
  #wake: () => void = () => {};
  #release: () => void = () => {};

  constructor(
    private readonly host: FetchHost,
    private plan: FetchPlan,
    private readonly servers: readonly Address[],
    options: VerifiedFetchOptions = {},
  ) {
    this.#lookAhead = new LookAhead({
      maxBytes: host.windowBytes,
      blockBytes: plan.first < plan.end ? plan.block(plan.first).bytes : 1,
      maxBlocks: options.windowBlocks,
      report: () => this.#session?.report(),
      wholeBlocks: () => this.#hashing + this.#ready.size,
      clock: host.clock,
    });
    this.#hashes = new BlockHashes({
      clock: host.clock,
      lanes: addon().sha256Lanes(),
      underWay: () => this.#wanted.size - this.#hashing - this.#onTrial.size,
    });
    this.#stallTimeoutMs = options.stallTimeoutMs ?? DEFAULT_STALL_TIMEOUT_MS;
    this.#signal = options.signal;
    this.#next = plan.first;
    this.#wantedEnd = plan.first;
  }

  [Symbol.asyncIterator](): AsyncIterator<FetchedBlock, undefined> {
    if (this.#read) throw new MurkyError('MURKY_BAD_ARGUMENT', 'A fetch can be read only once.');
    this.#read = true;
    const blocks = this.#blocks();
    return {
      next: () => blocks.next(),
      return: async () => {
        this.#close(); // at once, also while a block is being waited for
        await blocks.return(undefined);
        return { done: true, value: undefined };
      },
    };
  }

  report(): TransferReport {
    const reports = [...this.#trialSessions, this.#session].map((session) => session?.report());
    return { ...mergeReports([this.#earlierReport, ...reports]), culprits: this.#culprits() };
  }

  /** Verified bytes so far, in how long. */
  progress(): TransferProgress {
    const until = this.#endedMs ?? this.host.clock.monotonic();
    const seconds = (until - (this.#startedMs ?? until)) / 1000;
    return { bytes: this.#bytes, seconds, symbolBytes: this.plan.symbolBytes };
  }

  /** Undefined for what fetches no object but its manifest. */
  running(): RunningFetch | undefined {
    const { key, version } = this.plan;
    if (key === undefined) return undefined;
    const wantedBytes = plannedBytes(this.plan);
    return { key, version: versionToText(version), wantedBytes, ...summarise(this.report(), this.progress()) };
  }

  addServer(server: Address): void {
    if (this.#closed) return;
    this.host.resolve(server).then(
      (resolved) => {
        const text = formatAddress(resolved);
        const known = this.#live.has(text) || this.#departures.some((left) => formatAddress(left.server) === text);
        if (this.#closed || known || this.#bench(resolved)) return;
        this.#live.set(text, resolved);
        this.#session?.addServer(resolved);
      },
      (error) => this.host.log.warn({ err: error, server: formatAddress(server) }, 'A server could not be added.'),
    );
  }

  async *#blocks(): AsyncGenerator<FetchedBlock, undefined> {
    const onAbort = () => this.#fail(this.#signal?.reason);
    try {
      this.#signal?.throwIfAborted();
      if (this.#closed || this.plan.first === this.plan.end) return;
      this.#signal?.addEventListener('abort', onAbort, { once: true });
      this.#startedMs = this.host.clock.monotonic();
      this.#release = this.host.onStart(this, (error) => this.#fail(error));
      await this.#open();
      while (this.#next < this.plan.end) {
        const bytes = await this.#take(this.#next);
        if (!bytes) return;
        this.#bytes += bytes.length;
        yield { index: this.#next++, bytes, release: () => addon().releaseBlock(bytes) };
      }
    } finally {
      this.#signal?.removeEventListener('abort', onAbort);
      this.#close();
      for (const block of this.#ready.values()) block.drop();
      this.#ready.clear();
    }
  }

  async #open(): Promise<void> {
    const resolving = this.servers.map(async (server) => {
      try {
        const resolved = await this.host.resolve(server);
        if (!this.#bench(resolved)) this.#live.set(formatAddress(resolved), resolved);
      } catch (error) {
        if (!isMurkyError(error, 'MURKY_NODE_UNREACHABLE')) throw error;
        this.#departures.push({ server, cause: isIP(server.host) === 0 ? 'unknown' : 'unreachable' });
      }
    });
    await Promise.all(resolving);
    if (this.#closed || this.#failure) return;
    if (this.#live.size === 0) this.#callBenched();
    if (this.#live.size === 0) throw noServerError(this.plan, this.#departures, undefined);
    this.plan = fitToPaths(this.plan, [...this.#live.values()], (server) => ({
      mtu: this.host.pathMtu(server),
      symbolLimitBytes: this.host.history.symbolLimit(server),
    }));
    this.#session = this.#openSession();
    const watch = new StallWatch(this.host.clock, this.#stallTimeoutMs, {
      idle: () => this.#wanted.size === 0,
      progress: () => this.report().servers.reduce((sum, server) => sum + server.useful, 0),
      stalled: (forMs) => this.#fail(noServerError(this.plan, this.#departures, this.#session?.report(), forMs)),
    });
    const sizes = new SizeWatch(this.host, {
      plan: () => this.plan,
      asked: () => (this.#wanted.size > 0 ? [...this.#live.values()] : []),
      report: () => this.#session?.report(),
      shorten: (symbolBytes) => this.#shorten(symbolBytes),
    });
    const stop = () => {
      watch.stop();
      sizes.stop();
    };
    this.#ending.signal.addEventListener('abort', stop, { once: true });
  }

  #openSession(): Session {
    return new Session(this.host, this.plan, [...this.#live.values()], {
      decoded: (number, bytes, givers) => this.#onDecoded(number, bytes, givers),
      refused: (server, reason) => this.#onRefused(server, reason),
    });
  }

  /** Goes on with shorter symbols. Those of one block have one size, so blocks that are not whole begin anew. */
  #shorten(symbolBytes: number): void {
    if (this.#closed || symbolBytes >= this.plan.symbolBytes) return;
    this.#earlierReport = mergeReports([this.#earlierReport, this.#session?.report()]);
    this.#session?.close();
    this.plan = { ...this.plan, symbolBytes };
    try {
      this.#session = this.#openSession();
      for (const position of this.#wanted) {
        if (!this.#onTrial.has(position)) this.#session.want(this.plan.block(position));
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Wants the blocks ahead of the reader. The one that it has just taken is no longer among them. */
  #fill(): void {
    const wanted = this.#wantedEnd - this.#next;
    const end = Math.min(this.plan.end, this.#next + this.#lookAhead.blocks(wanted, this.#hashes.room));
    while (this.#session && !this.#failure && this.#wantedEnd < end) {
      this.#session.want(this.plan.block(this.#wantedEnd));
      this.#wanted.add(this.#wantedEnd++);
    }
  }

  /** The block at `position` once it is there; undefined if the fetch was closed meanwhile. */
  async #take(position: number): Promise<Uint8Array | undefined> {
    for (;;) {
      if (this.#signal?.aborted) throw this.#signal.reason;
      this.#fill(); // whatever woke it: the paths may be known better by now
      const block = this.#ready.get(position);
      if (block) {
        this.#ready.delete(position);
        return block.take();
      }
      if (this.#failure) throw this.#failure.error;
      if (this.#closed) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #onDecoded(number: number, block: HeldBlock, givers: Address[]): void {
    const position = [...this.#wanted].find((wanted) => this.plan.block(wanted).number === number);
    if (position === undefined) {
      block.drop();
      return;
    }
    this.#hashing++;
    const verifying = this.#hashes
      .hash(block)
      .finally(() => this.#hashing--)
      .then((hash) => this.#onHashed(position, block, hash, givers))
      .catch((error) => this.#fail(error))
      .finally(() => this.#verifying.delete(verifying));
    this.#verifying.add(verifying);
  }

  #onHashed(position: number, block: HeldBlock, hash: Uint8Array, givers: readonly Address[]): void {
    const { number, sha256 } = this.plan.block(position);
    const right = Buffer.compare(hash, sha256) === 0;
    if (right && this.#accept(position, block)) return;
    block.drop();
    if (right || this.#closed) return;
    const suspects = givers.map(formatAddress);
    this.host.log.debug({ resource: `${this.plan.resource}`, block: number, suspects }, 'A block has wrong bytes.');
    this.#onTrial.add(position);
    this.#trials = this.#trials.then(() => this.#try(position, givers)).catch((error) => this.#fail(error));
  }

  /** False if it is not wanted any more. */
  #accept(position: number, block: Pick<HeldBlock, 'take' | 'drop'>): boolean {
    if (!this.#wanted.delete(position) || this.#closed) return false;
    this.#ready.set(position, block);
    this.#wake();
    return true;
  }

  /** Finds out who of the givers gave wrong bytes for a block, and brings the right ones. */
  async #try(position: number, givers: readonly Address[]): Promise<void> {
    const suspects = givers.filter((giver) => this.#live.has(formatAddress(giver)));
    const known = suspects.length < givers.length; // one who is out already may have spoilt it
    const [only] = suspects;
    if (only && suspects.length === 1 && !known) this.#expose(only, position, 0);
    else if (!known) await this.#tryAlone(position, suspects);
    this.#onTrial.delete(position);
    if (this.#closed) return;
    if (this.#live.size > 0 && this.#wanted.has(position)) this.#session?.want(this.plan.block(position));
    await this.#checkLeft(position);
  }

  async #tryAlone(position: number, suspects: readonly Address[]): Promise<void> {
    const events = {
      opened: (session: Session) => void this.#trialSessions.add(session),
      right: (bytes: Uint8Array) => {
        const wrong = this.#session?.wrongSymbols(this.plan.block(position).number, bytes) ?? [];
        for (const { server, count } of wrong) this.#expose(server, position, count);
        this.#accept(position, { take: () => bytes, drop: () => {} });
      },
      verdict: (server: Address, cause: Verdict) =>
        cause === 'wrong' ? this.#expose(server, position, 0) : this.#leave(server, cause),
    };
    const options = { timeoutMs: this.#stallTimeoutMs, signal: this.#ending.signal };
    await tryAlone(this.host, this.plan, position, suspects, events, options);
    this.#earlierReport = mergeReports([this.#earlierReport, ...[...this.#trialSessions].map((one) => one.report())]);
    this.#trialSessions.clear();
  }

  /** It is proved that this server sent wrong bytes. */
  #expose(server: Address, position: number, wrongSymbols: number): void {
    if (!this.#live.has(formatAddress(server))) return;
    this.host.history.failed(server);
    const { number } = this.plan.block(position);
    this.host.quarantine.add(server, { resource: `${this.plan.resource}`, block: number, wrongSymbols });
    this.#leave(server, 'wrong');
  }

  #bench(server: Address): boolean {
    const held = this.host.quarantine.holds(server);
    if (held) this.#benched.push(server);
    return held;
  }

  /** Nobody else is left: those in quarantine may give it, for every block is verified. */
  #callBenched(): void {
    for (const server of this.#benched.splice(0)) {
      this.#live.set(formatAddress(server), server);
      this.#session?.addServer(server);
    }
  }

  #onRefused(server: Address, reason: RefuseReason): void {
    if (reason === RefuseReason.Busy) return; // the loop asks again later
    this.#leave(server, reason);
    this.#checkLeft(this.#next).catch((error) => this.#fail(error));
  }

  #leave(server: Address, cause: Departure['cause']): void {
    if (!this.#live.delete(formatAddress(server))) return;
    this.#departures.push({ server, cause });
    this.#session?.removeServer(server);
  }

  /** Ends the fetch if nobody is left who could give what is still missing. */
  async #checkLeft(position: number): Promise<void> {
    if (this.#live.size === 0) {
      this.#hashes.flush();
      await Promise.all(this.#verifying);
    }
    const missing = this.#wanted.size > 0 || this.#wantedEnd < this.plan.end;
    if (this.#live.size === 0 && missing && !this.#closed) this.#callBenched();
    if (this.#live.size > 0 || !missing || this.#closed || this.#failing) return;
    this.#failing = true;
    const culprits = this.#culprits();
    if (culprits.length > 0) return this.#fail(pollutedError(this.plan, position, culprits));
    const superseded = await isSuperseded(this.host, this.plan, this.#departures, this.#ending.signal);
    const report = this.#session?.report();
    this.#fail(superseded ? supersededError(this.plan) : noServerError(this.plan, this.#departures, report));
  }

  #culprits(): string[] {
    return this.#departures.filter(({ cause }) => cause === 'wrong').map(({ server }) => formatAddress(server));
  }

  #fail(error: unknown): void {
    if (this.#closed) return;
    this.#failure ??= { error };
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#endedMs = this.host.clock.monotonic();
    this.#ending.abort();
    this.#session?.close();
    this.#hashes.flush(); // nobody may be left to do it, and who waits for a hash has the block
    this.#wanted.clear();
    this.#release();
    this.#wake();
  }
}
