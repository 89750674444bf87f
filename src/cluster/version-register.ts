import { isMurkyError } from '../errors.js';
import type { Etcd } from '../etcd/contract.js';
import { compareVersions, type Version, versionFromText, versionToText } from '../object/version.js';

export type CompareAndSet = { readonly set: true } | { readonly set: false; readonly current: Version | null };

/** One version for each resource, changed by one writer at a time whatever node it is at: linearizable. */
export interface VersionRegister {
  /** What was set last; null if nothing was. */
  read(id: bigint): Promise<Version | null>;
  /**
   * Sets `next` if `expected` (null: nothing) is set. `next` has never been set before. MURKY_NO_REGISTRY where it could
   * not be found out whether it was set.
   */
  compareAndSet(id: bigint, expected: Version | null, next: Version): Promise<CompareAndSet>;
}

/** A register in etcd: a key for each resource, changed in etcd's transactions. */
export class EtcdVersionRegister implements VersionRegister {
  constructor(
    private readonly etcd: Etcd,
    private readonly prefix: string,
  ) {}

  async read(id: bigint): Promise<Version | null> {
    const { entry } = await this.etcd.get(this.#key(id));
    return entry ? versionFromText(entry.value) : null;
  }

  async compareAndSet(id: bigint, expected: Version | null, next: Version): Promise<CompareAndSet> {
    const text = versionToText(next);
    try {
      const result = await this.etcd.putIf(this.#key(id), expected && versionToText(expected), text);
      if (result.done) return { set: true };
      return { set: false, current: result.current === null ? null : versionFromText(result.current) };
    } catch (error) {
      if (!isMurkyError(error, 'MURKY_NO_REGISTRY')) throw error;
      // The answer may be what was lost. A version is set once, so that it being there says that this call set it.
      const current = await this.read(id);
      if (current && compareVersions(current, next) === 0) return { set: true };
      throw error;
    }
  }

  #key(id: bigint): string {
    return `${this.prefix}/versions/${id.toString(16).padStart(16, '0')}`;
  }
}
