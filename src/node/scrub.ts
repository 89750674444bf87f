import { isMurkyError } from '../errors.js';
import { blockLength, type Manifest } from '../object/manifest.js';
import { sleep } from '../seam/clock.js';
import { ignoreDamage } from '../store/damage.js';
import type { ScrubStatus } from './contract.js';
import { heal } from './heal.js';
import type { Parts } from './parts.js';

const POSITION = 'scrub/position';
const SAVE_INTERVAL_MS = 10_000;
/** What looking at one version counts, beside its blocks. */
const VERSION_BYTES = 1024;
const PAUSE_BETWEEN_PASSES_MS = 3_600_000;
const RETRY_MS = 60_000;

/**
 * Reads everything in the store, slowly and over and over, so that damage is found while another node still has the
 * block. What is damaged is fetched anew; what no one has now is tried again in the next pass. The position is kept, so
 * that a node that is restarted often does not only ever read its first objects.
 */
export class Scrub {
  readonly #ending = new AbortController();
  #running: Promise<void> | undefined;
  #after: bigint | undefined;
  #savedAtMs = 0;
  #state: ScrubStatus['state'] = 'off';
  #passes = 0;
  #checkedBlocks = 0;
  #checkedBytes = 0;
  #damaged = 0;
  #mended = 0;

  /** `bytesPerSecond` 0 never reads anything. */
  constructor(
    private readonly parts: Parts,
    private readonly bytesPerSecond: number,
  ) {}

  async start(): Promise<void> {
    if (this.bytesPerSecond === 0) return;
    const kept = await this.parts.store.facts.get(POSITION);
    if (kept?.length === 8) this.#after = Buffer.from(kept).readBigUInt64BE();
    this.#running = this.#run().catch((error) => {
      if (!this.#ending.signal.aborted) throw error;
    });
  }

  status(): ScrubStatus {
    return {
      state: this.#state,
      // Ids are hashes: the share of their range that lies behind is the share of the objects.
      progress: Number(this.#after ?? 0n) / 2 ** 64,
      passes: this.#passes,
      checkedBlocks: this.#checkedBlocks,
      checkedBytes: this.#checkedBytes,
      damagedBlocks: this.#damaged,
      mendedBlocks: this.#mended,
    };
  }

  /** Stops within a block and keeps the position. */
  async close(): Promise<void> {
    this.#ending.abort();
    await this.#running;
    if (!this.#running) return;
    await this.#save().catch((error) => {
      this.parts.log.warn({ error: String(error) }, 'The position of the scrub could not be kept.');
    });
  }

  async #run(): Promise<void> {
    const { clock, log } = this.parts;
    const { signal } = this.#ending;
    for (;;) {
      this.#state = 'reading';
      try {
        await this.#pass();
        this.#passes += 1;
        this.#after = undefined;
        await this.#save();
        this.#state = 'resting';
        await sleep(clock, PAUSE_BETWEEN_PASSES_MS, signal);
      } catch (error) {
        signal.throwIfAborted();
        log.warn({ error: String(error) }, 'The scrub of the store was interrupted; it goes on in a minute.');
        await sleep(clock, RETRY_MS, signal);
      }
    }
  }

  async #pass(): Promise<void> {
    const { store } = this.parts;
    for await (const { id } of store.versions({ after: this.#after })) {
      await this.#pace(VERSION_BYTES);
      const manifest = await this.#manifest(id);
      for (let index = 0; index < (manifest?.blockHashes.length ?? 0); index++) await this.#check(manifest!, index);
      this.#after = id;
      if (this.parts.clock.monotonic() - this.#savedAtMs >= SAVE_INTERVAL_MS) await this.#save();
    }
  }

  /** Undefined if it has been removed meanwhile, or is damaged: then it is got from the other owners by repair. */
  async #manifest(id: bigint): Promise<Manifest | undefined> {
    try {
      return await this.parts.store.current(id);
    } catch (error) {
      ignoreDamage(error);
      this.#damaged += 1;
      this.parts.log.warn({ id: String(id) }, 'The scrub found a damaged manifest.');
      await this.parts.cluster.lookInto(id);
      return undefined;
    }
  }

  async #check(manifest: Manifest, index: number): Promise<void> {
    const { store, log } = this.parts;
    const { id, version, key } = manifest;
    const state = await store.check(id, version, index);
    if (state === 'gone') return;
    const bytes = blockLength(manifest, index);
    this.#checkedBlocks += 1;
    this.#checkedBytes += bytes;
    if (state === 'damaged') {
      this.#damaged += 1;
      log.warn({ key, block: index }, 'The scrub found a damaged block.');
      await this.#mend(manifest, index);
    }
    await this.#pace(bytes);
  }

  async #mend(manifest: Manifest, index: number): Promise<void> {
    const { store, log } = this.parts;
    const { id, version, key } = manifest;
    try {
      await heal(this.parts, manifest, index, this.#ending.signal);
      if ((await store.check(id, version, index)) === 'sound') this.#mended += 1;
    } catch (error) {
      this.#ending.signal.throwIfAborted();
      const reason = isMurkyError(error) ? error.message : String(error);
      log.error({ key, block: index, reason }, 'No other node gives the block that is damaged here.');
    }
  }

  async #pace(bytes: number): Promise<void> {
    await sleep(this.parts.clock, (bytes / this.bytesPerSecond) * 1000, this.#ending.signal);
  }

  async #save(): Promise<void> {
    this.#savedAtMs = this.parts.clock.monotonic();
    const { facts } = this.parts.store;
    if (this.#after === undefined) return await facts.delete(POSITION);
    const position = Buffer.alloc(8);
    position.writeBigUInt64BE(this.#after);
    await facts.put(POSITION, position);
  }
}
