import type { Clock } from '../../src/seam/clock.js';
import { EPOCH_MS, type VirtualTime } from './virtual-clock.js';

/** What a paused process may have waiting in its socket; what comes beyond is lost, as in a full receive buffer. */
const MAX_WAITING_DATAGRAMS = 256;

/**
 * One run of one process, and its clock. Paused (SIGSTOP) it does nothing, and what came due meanwhile happens when it
 * goes on. Dead (SIGKILL, a power cut) nothing of it ever happens again. Its clocks drift, and its wall clock steps.
 */
export class Machine implements Clock {
  #wallOffsetMs: number;
  #waiting: (() => void)[] | undefined;
  #waitingDatagrams = 0;
  #dead = false;

  /** `drift`: seconds that its clocks gain in a second. */
  constructor(
    private readonly time: VirtualTime,
    skewMs = 0,
    private readonly drift = 0,
  ) {
    this.#wallOffsetMs = skewMs;
  }

  get dead(): boolean {
    return this.#dead;
  }

  get paused(): boolean {
    return this.#waiting !== undefined;
  }

  now(): number {
    return EPOCH_MS + this.#wallOffsetMs + this.monotonic();
  }

  monotonic(): number {
    return this.time.now * (1 + this.drift);
  }

  after(delayMs: number, run: () => void): () => void {
    let cancelled = false;
    const cancel = this.time.after(delayMs / (1 + this.drift), () => this.#turn(() => cancelled || run(), false));
    return () => {
      cancelled = true;
      cancel();
    };
  }

  /** A datagram has come in. */
  receive(run: () => void): void {
    this.#turn(run, true);
  }

  stepWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  pause(): void {
    this.#waiting ??= [];
  }

  resume(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    this.#waitingDatagrams = 0;
    // One after the other, as an event loop takes them: what the first one leads to happens before the next one.
    for (const run of waiting) this.time.after(0, () => this.#turn(run, false));
  }

  kill(): void {
    this.#dead = true;
    this.#waiting = undefined;
  }

  #turn(run: () => void, datagram: boolean): void {
    if (this.#dead) return;
    if (!this.#waiting) {
      run();
      return;
    }
    if (datagram && this.#waitingDatagrams >= MAX_WAITING_DATAGRAMS) return;
    if (datagram) this.#waitingDatagrams += 1;
    this.#waiting.push(run);
  }
}
