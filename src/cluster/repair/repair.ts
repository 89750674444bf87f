import { MurkyError } from '../../errors.js';
import type { Clock } from '../../seam/clock.js';
import type { Log } from '../../seam/log.js';
import type { RepairQueue } from './queue.js';
import { RateWindow } from './rate-window.js';
import type { Reconciled } from './reconciliation.js';

/** What repair is doing, and when it will be done. */
export interface RepairProgress {
  /** 'waiting': what is left waits for nodes that are away. */
  readonly state: 'idle' | 'repairing' | 'waiting';
  /** Objects in the queue, those included that wait for a node that is away. */
  readonly queued: number;
  /** Objects that can be worked on now, or are. */
  readonly active: number;
  /** Since the node started. */
  readonly repairedObjects: number;
  readonly repairedBytes: number;
  /** Of the last half minute. */
  readonly objectsPerSecond: number;
  /** Until what can be worked on now is done; null while that cannot be told. */
  readonly secondsLeft: number | null;
}

interface RepairSeams {
  readonly queue: RepairQueue;
  readonly clock: Clock;
  readonly log: Log;
  readonly reconcile: (id: bigint) => Promise<Reconciled>;
  /** Whether there is no use in waiting for a node: it is there to be brought something, or gone for good. */
  readonly notAwaited: (peer: bigint) => boolean;
  /** For whoever watches the progress: at most once a second while something goes on. */
  readonly onProgress: (progress: RepairProgress) => void;
}

const RETRY_PERIOD_MS = 15_000;
const PROGRESS_PERIOD_MS = 1000;
const RATE_WINDOW_MS = 30_000;

/** Works off the repair queue, a few resources at once; what does not work out is tried again every 15 seconds. */
export class Repair {
  readonly #running = new Set<Promise<void>>();
  readonly #rate: RateWindow;
  #repairedObjects = 0;
  #repairedBytes = 0;
  /** What an earlier run left in the queue waits until the members are known: else nobody would own what is owed. */
  #started = false;
  #closed = false;
  #stopRetry = () => {};
  #stopProgress: (() => void) | undefined;

  constructor(
    private readonly seams: RepairSeams,
    private readonly concurrent: number,
  ) {
    this.#rate = new RateWindow(seams.clock, RATE_WINDOW_MS);
    seams.queue.onReady = () => this.#fill();
  }

  start(): void {
    this.#started = true;
    this.#fill();
    this.#stopRetry = this.seams.clock.after(RETRY_PERIOD_MS, () => {
      this.retry();
      this.start();
    });
  }

  /** Tries at once what can be tried. */
  retry(): void {
    const { queue, notAwaited } = this.seams;
    queue.retry((entry) => entry.look || entry.owed.some(notAwaited));
  }

  /** Tries everything: owners may be others than before. */
  retryAll(): void {
    this.seams.queue.retry(() => true);
  }

  progress(): RepairProgress {
    const { size, active } = this.seams.queue;
    const objectsPerSecond = this.#rate.perSecond();
    return {
      state: active > 0 ? 'repairing' : size > 0 ? 'waiting' : 'idle',
      queued: size,
      active,
      repairedObjects: this.#repairedObjects,
      repairedBytes: this.#repairedBytes,
      objectsPerSecond,
      secondsLeft: active === 0 ? 0 : objectsPerSecond > 0 ? active / objectsPerSecond : null,
    };
  }

  /** Takes no more, and waits for what runs: its signal is the reconciliation's. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopRetry();
    this.#stopProgress?.();
    await Promise.all([...this.#running]);
  }

  #fill(): void {
    while (this.#started && !this.#closed && this.#running.size < this.concurrent) {
      const id = this.seams.queue.next();
      if (id === undefined) return;
      const running: Promise<void> = this.#repair(id).finally(() => {
        this.#running.delete(running);
        this.#fill();
      });
      this.#running.add(running);
      this.#stopProgress ??= this.seams.clock.after(PROGRESS_PERIOD_MS, () => this.#tell());
    }
  }

  async #repair(id: bigint): Promise<void> {
    const { queue, log, reconcile } = this.seams;
    const version = queue.get(id)?.version;
    try {
      const { done, bytes } = await reconcile(id);
      this.#repairedBytes += bytes;
      if (!done) return;
      if (version) await queue.looked(id, version);
      if (!queue.get(id)) {
        this.#repairedObjects += 1;
        this.#rate.add(1);
      }
    } catch (error) {
      if (this.#closed) return;
      const reason = error instanceof MurkyError ? error.message : String(error);
      log.warn({ id: String(id), reason }, 'An object could not be repaired; it will be tried again.');
    } finally {
      queue.done(id);
    }
  }

  #tell(): void {
    this.#stopProgress = undefined;
    if (this.#closed) return;
    this.seams.onProgress(this.progress());
    if (this.#running.size > 0) {
      this.#stopProgress = this.seams.clock.after(PROGRESS_PERIOD_MS, () => this.#tell());
    }
  }
}
