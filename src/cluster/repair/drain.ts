import { type ErrorCode, isMurkyError, MurkyError } from '../../errors.js';
import type { Clock } from '../../seam/clock.js';
import type { Log } from '../../seam/log.js';
import type { FactStore } from '../../store/contract.js';
import { KeyedLock } from '../keyed-lock.js';
import type { Membership } from '../membership.js';

export interface DrainStatus {
  /** 'draining': owns nothing new and gives away what it holds; 'drained': has left the cluster and can be stopped. */
  readonly state: 'off' | 'draining' | 'drained';
  /** Objects that not all of their owners have yet; null while the node looks through what it holds. */
  readonly objectsLeft: number | null;
  /** Why it does not get on, and what to do, as when no other node can note that this one leaves; tried again by itself. */
  readonly heldUp: HeldUp | null;
}

export interface HeldUp {
  readonly code: ErrorCode;
  /** One sentence. */
  readonly detail: string;
  readonly hint: string | null;
}

interface DrainSeams {
  readonly facts: FactStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly membership: Membership;
  /** The weight of this node when it does not drain. */
  readonly weight: number;
  /** Owners may be others now. */
  readonly onWeight: () => void;
  /** Objects that this node still keeps for others, found out anew; undefined while that is not known. */
  readonly keptForOthers: () => Promise<number | undefined>;
}

const FACT = 'drain';
const LOOK_PERIOD_MS = 1000;
/** There is one drain a node. */
const ONE = 0n;

/**
 * Empties this node on purpose: it tells the others a weight of 0, so that it owns nothing any more, and repair brings
 * all that it holds to the new owners. When all of them have everything it leaves the cluster. Kept in the data folder:
 * a restart goes on with it.
 */
export class Drain {
  #state: DrainStatus['state'] = 'off';
  #left: number | null = null;
  #heldUp: HeldUp | null = null;
  /** The data folder says that it drains; otherwise it may, after a write that failed. */
  #noted = false;
  /** Ends when the others have been told, or could not be: what they heard cannot be taken back. */
  #leaving: Promise<void> | undefined;
  #stopTimer = () => {};
  #closed = false;
  /** Requests to begin and to call it off are dealt with one after the other. */
  readonly #requests = new KeyedLock();

  constructor(private readonly seams: DrainSeams) {}

  /** To be called before the membership starts: the others hear of the weight with the first word. */
  async load(): Promise<void> {
    if ((await this.seams.facts.get(FACT)) === undefined) return;
    this.#state = 'draining';
    this.#noted = true;
    this.seams.membership.reweigh(0);
  }

  start(): void {
    if (this.#state === 'draining') this.#watch();
  }

  close(): void {
    this.#closed = true;
    this.#stopTimer();
  }

  /** The weight that placement gives this node: none from the moment it begins to drain. */
  get weight(): number {
    return this.#state === 'off' ? this.seams.weight : 0;
  }

  status(): DrainStatus {
    const objectsLeft = this.#state === 'off' ? null : this.#left;
    return { state: this.#state, objectsLeft, heldUp: this.#state === 'draining' ? this.#heldUp : null };
  }

  /** Begins, or goes on. MURKY_NO_QUORUM where there is no one to take over. */
  begin(): Promise<DrainStatus> {
    return this.#requests.run(ONE, () => this.#begin());
  }

  /** Owns its share again. MURKY_HAS_LEFT after it has left; while it says goodbye that is waited for. */
  cancel(): Promise<DrainStatus> {
    return this.#requests.run(ONE, () => this.#cancel());
  }

  async #begin(): Promise<DrainStatus> {
    if (this.#state !== 'off') return this.status();
    const { membership, log, onWeight } = this.seams;
    if (!membership.members().some(({ state, weight }) => state === 'alive' && weight > 0)) {
      throw new MurkyError('MURKY_NO_QUORUM', 'There is no other node that could take over what this one holds.', {
        hint: 'Start another node, or simply stop this one.',
      });
    }
    try {
      await this.#note();
    } catch (error) {
      // Who empties a node because its disk is full is not to be held up by that.
      if (!isMurkyError(error, 'MURKY_DISK_FULL')) throw error;
      log.warn({}, 'The disk is full: until it takes the note that this node drains, a restart ends the drain.');
    }
    this.#state = 'draining';
    this.#left = null;
    this.#heldUp = null;
    membership.reweigh(0);
    onWeight();
    log.info({}, 'This node gives away what it holds, and then leaves the cluster.');
    this.#watch();
    return this.status();
  }

  async #cancel(): Promise<DrainStatus> {
    await this.#leaving?.catch(() => {}); // then it has not left
    if (this.#state === 'drained') {
      throw new MurkyError('MURKY_HAS_LEFT', 'This node has left the cluster already: there is no drain to end.', {
        hint: 'Restart it, and it joins again.',
      });
    }
    if (this.#state === 'off') return this.status();
    const { facts, membership, weight, log, onWeight } = this.seams;
    this.#stopTimer();
    this.#state = 'off'; // at once: a look that ends meanwhile must not make it leave
    try {
      await facts.delete(FACT);
    } catch (error) {
      this.#state = 'draining';
      this.#watch();
      throw error;
    }
    this.#noted = false;
    membership.reweigh(weight);
    onWeight();
    log.info({}, 'This node owns its share of the objects again.');
    return this.status();
  }

  #watch(): void {
    if (this.#closed || this.#state !== 'draining') return;
    this.#stopTimer = this.seams.clock.after(LOOK_PERIOD_MS, () => {
      this.#look()
        .then(() => {
          this.#heldUp = null;
        })
        .catch((error) => this.#onHeldUp(error))
        .finally(() => this.#watch());
    });
  }

  /** Told once for as long as it is the same. */
  #onHeldUp(error: unknown): void {
    if (this.#closed || this.#state !== 'draining') return;
    const unforeseen =
      'Something went wrong that should not while this node looked through what it holds; its log says more.';
    const { code, message, hint } = isMurkyError(error) ? error : new MurkyError('MURKY_INTERNAL', unforeseen);
    const again = this.#heldUp?.code === code;
    this.#heldUp = { code, detail: message, hint: hint ?? null };
    const facts = isMurkyError(error) ? { code } : { code, error: String(error) };
    if (!again) this.seams.log.warn(facts, `${message} The drain is tried again.`);
  }

  async #look(): Promise<void> {
    if (!this.#noted) await this.#note().catch(() => {});
    const left = await this.seams.keptForOthers();
    if (this.#state !== 'draining' || this.#closed) return;
    this.#left = left ?? null;
    if (left !== 0) return;
    this.#leaving = this.#leave();
    try {
      await this.#leaving;
    } finally {
      this.#leaving = undefined;
    }
  }

  async #leave(): Promise<void> {
    const { facts, membership, log } = this.seams;
    await membership.leave();
    await facts.delete(FACT).catch((error) => {
      log.warn({ error: String(error) }, 'The disk still says that this node drains: started again, it would go on.');
    });
    this.#state = 'drained'; // who starts it again means it to join
    log.info({}, 'All owners have what this node held. It has left the cluster and can be stopped.');
  }

  async #note(): Promise<void> {
    await this.seams.facts.put(FACT, Buffer.of(1));
    this.#noted = true;
  }
}
