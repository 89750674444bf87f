import { join } from 'node:path';
import type { Log } from '../seam/log.js';
import type { Budget } from './budget.js';
import type { Disk } from './disk.js';

/** What is in the folder beside the segments. */
const PARTS = ['index', 'journal', 'lost+found', 'blocks'];
/** Measured anew whenever so much has been written to the index. */
const MEASURE_BYTES = 2 ** 20;
/** For what LevelDB writes before it removes what it merged, and for what comes between two measurements. */
const SLACK_SHARE = 1 / 16;
const MAX_SLACK_BYTES = 64 * 2 ** 20;
/** A small budget is not eaten up by an index that is as large as it: so much of it stays for values. */
const VALUES_SHARE = 1 / 2;

/**
 * Sets that part of the budget aside which index, journal and damaged leftovers take on the disk, as it really is, so
 * that the budget is one for the whole folder. Values in the index count as values, and so are not set aside again.
 */
export class SetAside {
  #writtenBytes = 0;
  #measuring: Promise<void> | undefined;

  constructor(
    private readonly disk: Disk,
    private readonly folder: string,
    private readonly budget: Budget,
    /** Bytes of values that are in the index. */
    private readonly inlineBytes: () => number,
    /** Bytes that may come all at once. */
    private readonly comingBytes: () => number,
    private readonly log: Log,
  ) {}

  /** So much is on its way to the index. */
  note(bytes: number): void {
    this.#writtenBytes += bytes;
    if (this.#writtenBytes >= MEASURE_BYTES) void this.measure();
  }

  async measure(): Promise<void> {
    this.#measuring ??= this.#measure().finally(() => {
      this.#measuring = undefined;
    });
    await this.#measuring;
  }

  async #measure(): Promise<void> {
    this.#writtenBytes = 0;
    try {
      const parts = await Promise.all(PARTS.map((part) => this.disk.bytesIn(join(this.folder, part))));
      const bytes = parts.reduce((sum, one) => sum + one, 0);
      const { limitBytes } = this.budget;
      const slack = Math.min(MAX_SLACK_BYTES, limitBytes * SLACK_SHARE);
      const aside = Math.max(0, bytes - this.inlineBytes()) + this.comingBytes() + slack;
      this.budget.setAside(Math.floor(Math.min(aside, limitBytes * (1 - VALUES_SHARE))));
    } catch (error) {
      this.log.warn({ error: String(error) }, 'The size of the index could not be measured; it is tried again.');
    }
  }
}
