import { type Clock, sleep } from '../../seam/clock.js';
import type { Log } from '../../seam/log.js';
import type { Random } from '../../seam/random.js';
import type { Member } from '../peers.js';
import type { Comparison } from './comparison.js';
import type { RepairQueue } from './queue.js';
import type { Survey } from './survey.js';

export interface AntiEntropyOptions {
  /** Id of this node. */
  readonly id: bigint;
  readonly compareMinutes: number;
  readonly propagateOnStartup: boolean;
}

interface AntiEntropySeams {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly survey: Survey;
  readonly comparison: Comparison;
  readonly queue: RepairQueue;
  readonly members: () => Member[];
}

/** What happens at about the same time is looked into together. */
const GATHER_MS = 1000;
/** Who answers within so long of the start was there before: that is no change of the members. */
const STARTUP_MS = 30_000;
const TRY_AGAIN_MS = 10_000;

/**
 * When this node looks through what it holds and with whom it compares: with everyone once in `compareMinutes`, where of
 * two nodes the one with the lower id begins, and soon after a change of the members with those whom it concerns.
 */
export class AntiEntropy {
  readonly #due = new Set<bigint>();
  readonly #closing = new AbortController();
  readonly #startedAtMs: number;
  #stopTimers: (() => void)[] = [];
  #running: Promise<void> | undefined;
  #comparedAtMs: number | undefined;
  #again = false;

  constructor(
    private readonly options: AntiEntropyOptions,
    private readonly seams: AntiEntropySeams,
  ) {
    this.#startedAtMs = seams.clock.monotonic();
  }

  start(): void {
    this.#schedule();
    this.#begin();
  }

  async close(): Promise<void> {
    for (const stop of this.#stopTimers) stop();
    this.#closing.abort();
    await this.#running;
  }

  /** Milliseconds since the last time that all whom it concerned were compared with; undefined before the first. */
  sinceComparedMs(): number | undefined {
    return this.#comparedAtMs === undefined ? undefined : this.seams.clock.monotonic() - this.#comparedAtMs;
  }

  get comparing(): boolean {
    return this.#running !== undefined;
  }

  /** A node answers that did not before. */
  onAlive(member: Member, first: boolean): void {
    const starting = this.seams.clock.monotonic() - this.#startedAtMs < STARTUP_MS;
    void this.#alive(member, first && starting).catch((error) => this.#complain(error));
  }

  /** A node does not answer any more: what it leaves behind is looked through, so that a status can tell. */
  onAway(): void {
    this.#begin();
  }

  /** Owners are others than before: what is held here may be misplaced, and all owners may lack something. */
  onOwnersChanged(): void {
    const starting = this.seams.clock.monotonic() - this.#startedAtMs < STARTUP_MS;
    if (starting && !this.options.propagateOnStartup) return;
    this.compareWithAll();
  }

  compareWithAll(): void {
    for (const { id } of this.seams.members()) if (this.options.id < id) this.#due.add(id);
    this.#begin();
  }

  async #alive(member: Member, known: boolean): Promise<void> {
    if (known && !this.options.propagateOnStartup && !(await this.seams.queue.lost(member.id))) return;
    this.#due.add(member.id);
    this.#begin();
  }

  #schedule(): void {
    const period = this.options.compareMinutes * 60_000 * (0.8 + 0.4 * this.seams.random.unit());
    this.#after(period, () => {
      this.compareWithAll();
      this.#schedule();
    });
  }

  #begin(): void {
    if (this.#closing.signal.aborted) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#again = false;
    this.#running = this.#compare()
      .catch((error) => this.#complain(error))
      .finally(() => {
        this.#running = undefined;
        if (this.#again) this.#begin();
      });
  }

  async #compare(): Promise<void> {
    const { clock, survey, comparison, queue, members } = this.seams;
    const { signal } = this.#closing;
    await sleep(clock, GATHER_MS * (1 + this.seams.random.unit()), signal);
    const due = new Set(this.#due);
    this.#due.clear();
    const again = new Set<bigint>();
    try {
      await survey.take(signal);
      for (const member of members()) {
        if (due.has(member.id) && member.state === 'alive') {
          if (await comparison.compareWith(member)) await queue.forgetLost(member.id);
          else again.add(member.id); // away again, busy, or more is lacking than the queue holds
        }
        due.delete(member.id);
      }
      this.#comparedAtMs = clock.monotonic();
      if (again.size > 0) this.#compareLater(again);
    } catch (error) {
      this.#compareLater([...again, ...due]); // those, too, that it did not come to; and what is misplaced is looked for
      throw error;
    }
  }

  #compareLater(peers: Iterable<bigint>): void {
    if (this.#closing.signal.aborted) return;
    this.#after(TRY_AGAIN_MS, () => {
      for (const id of peers) this.#due.add(id);
      this.#begin();
    });
  }

  #after(delayMs: number, work: () => void): void {
    const stop = this.seams.clock.after(delayMs, () => {
      this.#stopTimers = this.#stopTimers.filter((one) => one !== stop);
      work();
    });
    this.#stopTimers.push(stop);
  }

  #complain(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    this.seams.log.warn({ error: String(error) }, 'A comparison with other nodes was interrupted; it is made up for.');
  }
}
