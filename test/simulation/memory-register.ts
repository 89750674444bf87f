import type { CompareAndSet, VersionRegister } from '../../src/cluster/version-register.js';
import { MurkyError } from '../../src/errors.js';
import { compareVersions, type Version } from '../../src/object/version.js';
import { sleep } from '../../src/seam/clock.js';
import type { Random } from '../../src/seam/random.js';
import type { VirtualTime } from './virtual-clock.js';

/** A register that all nodes of a world share, some milliseconds away; now and then an answer is lost. */
export class MemoryRegister implements VersionRegister {
  readonly #versions = new Map<bigint, Version>();
  /** Share of the calls whose answer, or question, is lost. */
  loss = 0;

  constructor(
    private readonly time: VirtualTime,
    private readonly random: Random,
  ) {}

  async read(id: bigint): Promise<Version | null> {
    await this.#travel();
    const version = this.#versions.get(id) ?? null;
    await this.#travel();
    return version;
  }

  async compareAndSet(id: bigint, expected: Version | null, next: Version): Promise<CompareAndSet> {
    await this.#travel();
    const current = this.#versions.get(id) ?? null;
    const set = expected === null || current === null ? expected === current : compareVersions(current, expected) === 0;
    if (set) this.#versions.set(id, next);
    await this.#travel();
    return set ? { set } : { set, current };
  }

  async #travel(): Promise<void> {
    await sleep(this.time.clock(), 20 * this.random.unit());
    if (this.random.unit() < this.loss) throw new MurkyError('MURKY_NO_REGISTRY', 'The register does not answer.');
  }
}
