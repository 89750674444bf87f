import type { DestinationStream } from 'pino';
import { type Clock, systemClock } from '../../seam/clock.js';

export const DEFAULT_LINES_PER_SECOND = 100;

/** Passes on so many log lines a second and counts the rest, so that an attack fills no disk and hides in no flood. */
export class LineLimit implements DestinationStream {
  #written = 0;
  #leftOut = 0;
  #secondRuns = false;

  constructor(
    private readonly to: DestinationStream,
    private readonly clock: Clock = systemClock,
    public linesPerSecond = DEFAULT_LINES_PER_SECOND,
  ) {}

  write(line: string): void {
    if (!this.#secondRuns) {
      this.#secondRuns = true;
      this.clock.after(1000, () => this.#endSecond());
    }
    if (this.#written < this.linesPerSecond) {
      this.#written += 1;
      this.to.write(line);
    } else {
      this.#leftOut += 1;
    }
  }

  #endSecond(): void {
    const leftOut = this.#leftOut;
    this.#written = 0;
    this.#leftOut = 0;
    this.#secondRuns = false;
    if (leftOut === 0) return;
    const time = new Date(this.clock.now()).toISOString();
    const message = 'More was to be logged in a second than log.max-lines-per-second allows; the rest was left out.';
    this.to.write(`${JSON.stringify({ level: 'warn', time, leftOut, message })}\n`);
  }
}
