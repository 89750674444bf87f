import { type Clock, sleep } from '../../seam/clock.js';
import type { Store, StoredVersion } from '../../store/contract.js';
import type { Owners } from '../ownership.js';
import type { Holding } from './compare-message.js';
import { Digests, entryDigest, leafOf, leafRange } from './digests.js';

interface SurveySeams {
  /** Id of this node. */
  readonly self: bigint;
  readonly store: Store;
  readonly clock: Clock;
  readonly owners: (id: bigint) => Owners;
  /** Changes when owners may be others than before. */
  readonly generation: () => number;
  /** Held here in another way than ownership asks for: as a replica by no owner, or as a cached copy by an owner. */
  readonly onMisplaced: (held: StoredVersion) => Promise<void>;
}

/** A survey goes through so many entries at once and then lets others work. */
const STEP_ENTRIES = 500;
const STEP_PAUSE_MS = 20;
const FRESH_MS = 30_000;
/** A survey that takes long is good for so many times as long, which bounds its share of the time. */
const FRESH_DURATIONS = 4;
/** Of a peer with which nothing is shared; never written to. */
const NOTHING = new Digests();

/**
 * What this node holds as an owner, by each peer that owns it too: digests to compare, and how much it is. Goes through
 * the index of the store, slowly; 32 KiB a peer are kept of it.
 */
export class Survey {
  #digests = new Map<bigint, Digests>();
  #shared = new Map<bigint, number>();
  #generation = -1;
  #takenAtMs = Number.NEGATIVE_INFINITY;
  #tookMs = 0;
  #strays = 0;
  #taking: Promise<void> | undefined;

  constructor(private readonly seams: SurveySeams) {}

  /** Young enough to be compared, and of the owners as they are. */
  get fresh(): boolean {
    const age = this.seams.clock.monotonic() - this.#takenAtMs;
    return this.#generation === this.seams.generation() && age < Math.max(FRESH_MS, FRESH_DURATIONS * this.#tookMs);
  }

  /** Replicas that this node held for other owners at the last survey. */
  get strays(): number {
    return this.#strays;
  }

  /** Looks through everything, or joins who does. */
  take(signal: AbortSignal): Promise<void> {
    this.#taking ??= this.#take(signal).finally(() => {
      this.#taking = undefined;
    });
    return this.#taking;
  }

  /** What this node and a peer both hold or should hold, as of the last survey. */
  digests(peer: bigint): Digests {
    return this.#digests.get(peer) ?? NOTHING;
  }

  /**
   * Objects that this node has to report as lacking a copy while `peer` is away: those of which it has the lowest id of
   * the owners beside the peer, so that each object is reported once.
   */
  sharedWith(peer: bigint): number {
    return this.#shared.get(peer) ?? 0;
  }

  /** What this node holds as an owner together with `peer`, from one id to another, read from the store now. */
  async *holdings(peer: bigint, first: bigint, last: bigint): AsyncGenerator<Holding> {
    for await (const held of this.seams.store.versions({ after: first === 0n ? undefined : first - 1n })) {
      if (held.id > last) return;
      if (held.role !== 'replica') continue;
      const { self, others } = this.seams.owners(held.id);
      if (self && others.some((owner) => owner.id === peer)) yield { id: held.id, version: held.version };
    }
  }

  /** Brings one leaf of one peer up to date, and gives what is in it. */
  async refresh(peer: bigint, leaf: number): Promise<Holding[]> {
    const { first, last } = leafRange(leaf);
    const found: Holding[] = [];
    const digests = this.#of(this.#digests, peer);
    for await (const holding of this.holdings(peer, first, last)) found.push(holding);
    digests.clear(leaf);
    for (const { id, version } of found) digests.add(leaf, entryDigest(id, version));
    return found;
  }

  async #take(signal: AbortSignal): Promise<void> {
    const { store, clock, owners, generation, onMisplaced } = this.seams;
    const started = clock.monotonic();
    const startedAt = generation();
    const digests = new Map<bigint, Digests>();
    const shared = new Map<bigint, number>();
    const misplaced: Promise<void>[] = [];
    let seen = 0;
    let strays = 0;
    for await (const held of store.versions()) {
      signal.throwIfAborted();
      seen += 1;
      if (seen % STEP_ENTRIES === 0) {
        await Promise.all(misplaced.splice(0));
        await sleep(clock, STEP_PAUSE_MS, signal);
      }
      const { self, others } = owners(held.id);
      if (!self && held.role === 'replica') strays += 1;
      if (self !== (held.role === 'replica')) {
        const noted = onMisplaced(held);
        noted.catch(() => {}); // told where it is waited for
        misplaced.push(noted);
      }
      if (!self || held.role !== 'replica') continue;
      const digest = entryDigest(held.id, held.version);
      for (const peer of others) {
        this.#of(digests, peer.id).add(leafOf(held.id), digest);
        const reports = others.every((other) => other === peer || this.seams.self < other.id);
        if (reports) shared.set(peer.id, (shared.get(peer.id) ?? 0) + 1);
      }
    }
    await Promise.all(misplaced);
    this.#digests = digests;
    this.#shared = shared;
    this.#strays = strays;
    this.#generation = startedAt;
    this.#takenAtMs = clock.monotonic();
    this.#tookMs = this.#takenAtMs - started;
  }

  #of(all: Map<bigint, Digests>, peer: bigint): Digests {
    const digests = all.get(peer) ?? new Digests();
    all.set(peer, digests);
    return digests;
  }
}
