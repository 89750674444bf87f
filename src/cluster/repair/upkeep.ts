import { setMaxListeners } from 'node:events';
import { compareVersions } from '../../object/version.js';
import type { Address, RainNetwork } from '../../rain/contract.js';
import type { Clock } from '../../seam/clock.js';
import type { Log } from '../../seam/log.js';
import type { Random } from '../../seam/random.js';
import type { Store } from '../../store/contract.js';
import { currentIfSound } from '../../store/damage.js';
import type { Handover } from '../handover.js';
import type { Ownership } from '../ownership.js';
import type { Member } from '../peers.js';
import type { Pulls } from '../pulls.js';
import { AntiEntropy } from './anti-entropy.js';
import type { Holding } from './compare-message.js';
import { Comparison } from './comparison.js';
import type { RepairQueue } from './queue.js';
import type { RateLimit } from './rate-limit.js';
import { Reconciliation } from './reconciliation.js';
import { Repair, type RepairProgress } from './repair.js';
import { Survey } from './survey.js';

export interface RepairOptions {
  /** Most that repair moves, from here and to here together. */
  readonly bytesPerSecond: number;
  /** Objects that are repaired at once. */
  readonly concurrent: number;
  readonly compareMinutes: number;
}

export interface RepairStatus extends RepairProgress {
  /** This node looks through what it holds, or compares it with another node's. */
  readonly comparing: boolean;
  /** Null before the first comparison since the node started. */
  readonly comparedSecondsAgo: number | null;
  /** Objects that have fewer live copies than they should, as far as this node has to report them. */
  readonly underReplicated: number;
}

interface UpkeepSeams {
  readonly rain: RainNetwork;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly queue: RepairQueue;
  readonly pulls: Pulls;
  readonly handover: Handover;
  readonly ownership: Ownership;
  readonly bytesPerSecond: RateLimit;
  readonly members: () => Member[];
  readonly candidates: (id: bigint) => Address[];
  readonly onProgress: (progress: RepairProgress) => void;
}

/** Keeps what this node and its fellow owners hold complete, without being told to. */
export class Upkeep {
  readonly #survey: Survey;
  readonly #repair: Repair;
  readonly #antiEntropy: AntiEntropy;
  readonly #closing = new AbortController();

  constructor(
    options: { readonly id: bigint; readonly propagateOnStartup: boolean; readonly repair: RepairOptions },
    private readonly seams: UpkeepSeams,
  ) {
    const { queue, ownership } = seams;
    const { concurrent, compareMinutes } = options.repair;
    const { signal } = this.#closing;
    setMaxListeners(0, signal); // some for each object that is repaired, and those have a limit
    const owners = (id: bigint) => ownership.of(id);
    const reconciliation = new Reconciliation({
      ...seams,
      owners,
      signal,
    });
    this.#repair = new Repair(
      { ...seams, reconcile: (id) => reconciliation.run(id), notAwaited: (peer) => this.#notAwaited(peer) },
      concurrent,
    );
    this.#survey = new Survey({
      ...seams,
      self: options.id,
      owners,
      generation: () => ownership.generation,
      onMisplaced: async ({ id, version }) => void (await queue.look(id, version, options.id)),
    });
    const comparison = new Comparison({
      ...seams,
      self: options.id,
      survey: this.#survey,
      onLacking: (holding, holder) => this.#onLacking(holding, holder),
      signal,
    });
    this.#antiEntropy = new AntiEntropy({ ...options, compareMinutes }, { ...seams, survey: this.#survey, comparison });
    ownership.onChange = () => this.#onOwnersChanged();
  }

  start(): void {
    this.#repair.start();
    this.#antiEntropy.start();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#antiEntropy.close();
    await this.#repair.close();
  }

  /** A node answers that did not before. */
  onAlive(member: Member, first: boolean): void {
    this.seams.queue.retry((entry) => entry.look || entry.owed.includes(member.id));
    this.#antiEntropy.onAlive(member, first);
  }

  onAway(): void {
    this.#antiEntropy.onAway();
  }

  /** Replicas that this node keeps for other owners; undefined if owners changed while it looked. */
  async keptForOthers(): Promise<number | undefined> {
    const { queue } = this.seams;
    // While entries are worked off they say it well enough; the last word has a look through everything.
    if (queue.size > 0) return queue.size;
    await this.#survey.take(this.#closing.signal);
    return this.#survey.fresh ? this.#survey.strays : undefined;
  }

  status(): RepairStatus {
    const { queue, members, ownership } = this.seams;
    const since = this.#antiEntropy.sinceComparedMs();
    const away = members().filter((member) => member.state !== 'alive' && !ownership.passedOver(member));
    const missing = away.reduce((sum, { id }) => sum + Math.max(queue.count(id), this.#survey.sharedWith(id)), 0);
    return {
      ...this.#repair.progress(),
      comparing: this.#antiEntropy.comparing,
      comparedSecondsAgo: since === undefined ? null : since / 1000,
      underReplicated: queue.lacking + missing,
    };
  }

  #onOwnersChanged(): void {
    this.#repair.retryAll();
    this.#antiEntropy.onOwnersChanged();
  }

  /** There, or gone for good: then it owns nothing, and what it is owed goes with the next try. */
  #notAwaited(peer: bigint): boolean {
    const member = this.seams.members().find(({ id }) => id === peer);
    return member === undefined || member.state === 'alive';
  }

  async #onLacking({ id, version }: Holding, holder: bigint): Promise<boolean> {
    const { store, queue, ownership } = this.seams;
    if (!ownership.of(id).self) return true;
    const current = await currentIfSound(store, id);
    if (current && compareVersions(current.version, version) >= 0 && (await store.role(id)) === 'replica') return true;
    return await queue.look(id, version, holder);
  }
}
