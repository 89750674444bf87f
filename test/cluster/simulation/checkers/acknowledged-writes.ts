import { compareVersions, type Version } from '../../../../src/object/version.js';
import type { Write } from '../history.js';
import type { Server } from '../server.js';
import { Violation } from '../violation.js';
import { copyOn } from './copies.js';

/** The newest acknowledged write of a key, and how many disks with it were destroyed since a quorum had it. */
interface Newest {
  readonly write: Write & { version: Version; quorum: number };
  harmed: number;
}

/**
 * No acknowledged write is lost, and no acknowledged delete undone. The rule: from the acknowledgement on, the write or
 * a newer one is on as many sound disks as its quorum; only if the seed itself destroys so many of these disks (wipes or
 * rots them), with no moment in between at which again a quorum had it, may it be gone.
 */
export class AcknowledgedWrites {
  readonly #newest = new Map<string, Newest>();
  /** Copies on a disk that has rotted: whether just these are damaged is not known. */
  readonly #rotten = new Map<Server, Map<string, Version>>();

  constructor(private readonly servers: readonly Server[]) {}

  onAcknowledged(write: Write): void {
    if (!write.version || write.quorum === undefined) throw new Error('An acknowledged write has no version.');
    const before = this.#newest.get(write.key)?.write;
    if (before && compareVersions(before.version, write.version) > 0) return;
    this.#newest.set(write.key, { write: { ...write, version: write.version, quorum: write.quorum }, harmed: 0 });
  }

  /** Looks at the disks: what a quorum of them has may be destroyed on all of them but one. */
  observe(): void {
    for (const newest of this.#newest.values()) {
      if (this.#holders(newest).length >= newest.write.quorum) newest.harmed = 0;
    }
  }

  /** The disk of `server` is about to be wiped. */
  onWipe(server: Server): void {
    this.#onHarm(server);
    this.#rotten.delete(server);
  }

  /** Something on the disk of `server` has rotted. */
  onRot(server: Server, keys: readonly string[]): void {
    this.#onHarm(server);
    const copies = new Map<string, Version>();
    for (const key of keys) {
      const copy = copyOn(server, key);
      if (copy) copies.set(key, copy.version);
    }
    this.#rotten.set(server, copies);
  }

  /** The newest acknowledged write of a key, if the seed has not destroyed it. */
  promised(key: string): (Write & { version: Version }) | undefined {
    const newest = this.#newest.get(key);
    return newest && newest.harmed < newest.write.quorum ? newest.write : undefined;
  }

  /**
   * The newest version of `key` that is left may have rotted on every disk that has it. If it has, no one can bring it to
   * the other owners, nor say what it was.
   */
  mayBeBeyondRepair(key: string): boolean {
    const held = this.servers.flatMap((server) => {
      const copy = server.gone ? undefined : copyOn(server, key);
      return copy ? [{ server, version: copy.version }] : [];
    });
    const newest = held.map(({ version }) => version).sort((a, b) => compareVersions(b, a))[0];
    return (
      held.some(({ version }) => version === newest) &&
      held.every(({ server, version }) => {
        const rotten = this.#rotten.get(server)?.get(key);
        return compareVersions(version, newest!) < 0 || (rotten && compareVersions(rotten, version) === 0);
      })
    );
  }

  /** After the faults have ended and the cluster is at rest. */
  check(): void {
    for (const key of this.#newest.keys()) {
      const promised = this.promised(key);
      if (!promised) continue;
      const present = this.servers.filter((server) => !server.gone);
      const versions = present.flatMap((server) => copyOn(server, key) ?? []);
      const kept = versions.sort((a, b) => compareVersions(b.version, a.version))[0];
      const behind = kept === undefined || compareVersions(kept.version, promised.version) < 0;
      const what = `write ${promised.number} of "${key}" on node ${promised.node}`;
      if (promised.kind === 'put' && behind) {
        const instead = kept ? 'only older versions' : 'nothing';
        throw new Violation(
          'acknowledged writes',
          `The put that was acknowledged as ${what} is lost: ${instead} is left.`,
        );
      }
      if (promised.kind === 'delete' && behind) {
        // Tombstones are kept for good: without it a node that comes back later could bring the value.
        const how = kept && !kept.tombstone ? 'undone: the value is back' : 'forgotten: its tombstone is gone';
        throw new Violation('deletes', `The delete that was acknowledged as ${what} is ${how}.`);
      }
    }
  }

  #onHarm(server: Server): void {
    this.observe();
    for (const newest of this.#newest.values()) if (this.#holders(newest).includes(server)) newest.harmed += 1;
  }

  #holders({ write }: Newest): Server[] {
    return this.servers.filter((server) => {
      if (server.gone) return false;
      const copy = copyOn(server, write.key);
      if (!copy || compareVersions(copy.version, write.version) < 0) return false;
      const rotten = this.#rotten.get(server)?.get(write.key);
      return !rotten || compareVersions(copy.version, rotten) > 0;
    });
  }
}
