import type { Copy } from './eviction.js';
import type { FrequencySketch } from './frequency-sketch.js';

/**
 * Counts are halved after repeated uses of so many times the bytes that are cached. First uses do not count here, or a
 * scan would make what is popular forgotten (as the doorkeeper of TinyLFU keeps them out).
 */
const SAMPLE_FACTOR = 12;
/** A nearly empty cache forgets no faster than after so many uses of one size. */
const MIN_SAMPLE_USES = 1024;

/** Notes uses in a sketch and lets old ones fade. */
export class Aging {
  #repeatedBytes = 0;

  constructor(private readonly sketch: FrequencySketch) {}

  /** `cachedBytes`: of all cached copies. */
  use({ id, size }: Copy, cachedBytes: number): void {
    if (this.sketch.count(id) > 0) this.#repeatedBytes += size;
    this.sketch.add(id);
    if (this.#repeatedBytes < SAMPLE_FACTOR * Math.max(cachedBytes, MIN_SAMPLE_USES * size)) return;
    this.#repeatedBytes /= 2;
    this.sketch.halve();
  }
}
