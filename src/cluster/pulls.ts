import { setMaxListeners } from 'node:events';
import { isMurkyError, MurkyError } from '../errors.js';
import type { HybridClock } from '../object/hybrid-clock.js';
import { blockLength, encodeManifest, type Manifest, sha256 } from '../object/manifest.js';
import { compareVersions, type Version, versionToText } from '../object/version.js';
import type { Address, RainNetwork } from '../rain/contract.js';
import type { Clock } from '../seam/clock.js';
import type { Role, Store } from '../store/contract.js';
import { currentIfSound, ignoreDamage } from '../store/damage.js';
import type { KeyedLock } from './keyed-lock.js';
import { Limit } from './limit.js';
import { type Held, type Pace, QueuedPull } from './queued-pull.js';
import { ResumedBlocks } from './resumed-blocks.js';

export interface Wanted {
  readonly id: bigint;
  readonly version: Version;
  /** Without it, it is got from a holder and must have the hash. */
  readonly manifest?: Manifest;
  readonly manifestSha256?: Uint8Array;
}

/** `exact`: a newer version is of no use in its place. */
type Fetched = Wanted & { readonly exact?: true };

/**
 * Of small objects that someone waits for, of larger ones, and of repairs: a short value or a deletion does not wait for
 * large ones, and no write waits for repairs, which keep to their rate.
 */
const MAX_RUNNING_PULLS = 8;
const SMALL_BYTES = 2 ** 20;
const MAX_WAITING_PULLS = 1024;
const STALL_TIMEOUT_MS = 15_000;
const HOUR_MS = 3_600_000;

interface PullsSeams {
  readonly rain: RainNetwork;
  readonly store: Store;
  readonly clock: Clock;
  readonly versions: HybridClock;
  readonly commits: KeyedLock;
}

/** Brings versions from their holders into the store, each once however often it is asked for. */
export class Pulls {
  readonly #running = new Map<string, { readonly pull: QueuedPull; readonly wanted: Wanted }>();
  readonly #small = new Limit(MAX_RUNNING_PULLS, MAX_WAITING_PULLS);
  readonly #large = new Limit(MAX_RUNNING_PULLS, MAX_WAITING_PULLS);
  readonly #repairs = new Limit(MAX_RUNNING_PULLS, MAX_WAITING_PULLS);
  readonly #closing = new AbortController();

  constructor(
    private readonly seams: PullsSeams,
    /** Overwritten versions are kept for so long. */
    private readonly retentionHours: number,
  ) {
    setMaxListeners(0, this.#closing.signal); // a few for each pull that runs, and those have limits
  }

  /**
   * Starts to fetch a version from all `holders` at once, or joins who does already. With a `pace` no one waits for it,
   * until someone joins who does. MURKY_BUSY over the limit, MURKY_VERSION_CONFLICT where another manifest is on its way.
   */
  start(wanted: Wanted, holders: readonly Address[], role: Role, pace?: Pace): QueuedPull {
    const name = `${wanted.id}/${versionToText(wanted.version)}`;
    const small = wanted.manifest !== undefined && wanted.manifest.size <= SMALL_BYTES;
    const urgent = small ? this.#small : this.#large;
    const running = this.#running.get(name);
    if (running) {
      const [one, other] = [hashOf(running.wanted), hashOf(wanted)];
      if (one && other && Buffer.compare(one, other) !== 0) throw conflict(wanted);
      running.pull.also(holders);
      if (!pace) running.pull.hurry(urgent);
      return running.pull;
    }
    if (this.#closing.signal.aborted) throw new MurkyError('MURKY_CLOSED', 'The node is closing.');
    const line = pace ? this.#repairs : urgent;
    if (line.full) throw new MurkyError('MURKY_BUSY', 'Too many objects are being fetched already.');
    const pull = new QueuedPull(line, holders, pace, async (pull) => {
      try {
        return await this.#pull(wanted, role, pull);
      } finally {
        this.#running.delete(name);
      }
    });
    this.#running.set(name, { pull, wanted });
    return pull;
  }

  /**
   * Whether a version that a newer one has overtaken is to be kept beside it: it was written so lately that it would be
   * kept had it come first, and is not here. Then whoever was promised it finds it at every owner.
   */
  async keepsOvertaken({ id, version }: Wanted): Promise<boolean> {
    const ageMs = this.seams.clock.now() - Number(version.time >> 16n);
    if (ageMs >= this.retentionHours * HOUR_MS) return false;
    return (await this.seams.store.manifest(id, version).catch(ignoreDamage)) === undefined;
  }

  /** Ends what runs, and resolves when it has ended. */
  async close(): Promise<void> {
    this.#closing.abort(new MurkyError('MURKY_CLOSED', 'The node is closing.'));
    const pulls = [...this.#running.values()].map(({ pull }) => pull);
    for (const pull of pulls) pull.hurry(this.#large); // what waits for its turn need not
    await Promise.allSettled(pulls.map(({ done }) => done));
  }

  async #pull(wanted: Wanted, role: Role, pull: QueuedPull): Promise<Held> {
    const held = await this.#alreadyHeld(wanted, role);
    if (held?.kind === 'newer' && role === 'replica' && (await this.keepsOvertaken(wanted))) {
      return await this.#fetchOvertaken(wanted, pull, held);
    }
    if (held) return held;
    try {
      return await this.#fetch(wanted, role, pull);
    } catch (error) {
      // The holders have moved on to a newer version; it is what this node should hold as well.
      if (!isMurkyError(error, 'MURKY_SUPERSEDED')) throw error;
      const { id, version } = wanted;
      return this.#fetch({ id, version }, role, pull);
    }
  }

  /** No harm is done where it is not to be had any more: what counts is the newer one, and that is here. */
  async #fetchOvertaken(wanted: Wanted, pull: QueuedPull, held: Held): Promise<Held> {
    try {
      return await this.#fetch({ ...wanted, exact: true }, 'replica', pull);
    } catch (error) {
      if (error instanceof MurkyError && !this.#closing.signal.aborted) return held;
      throw error;
    }
  }

  async #alreadyHeld(wanted: Wanted, role: Role): Promise<Held | undefined> {
    const { store } = this.seams;
    const current = await currentIfSound(store, wanted.id);
    if (!current) return undefined;
    const order = compareVersions(current.version, wanted.version);
    if (order > 0) return { kind: 'newer', version: current.version };
    if (order < 0) return undefined;
    if (wanted.manifestSha256 && !sha256(encodeManifest(current)).equals(wanted.manifestSha256))
      throw conflict(wanted, current.key);
    if (role === 'replica') await store.setRole(wanted.id, current.version, role);
    return { kind: 'held' };
  }

  async #fetch(wanted: Fetched, role: Role, pull: QueuedPull): Promise<Held> {
    const { rain, store, versions, commits } = this.seams;
    const signal = this.#closing.signal;
    const { manifest, from } = await this.#manifest(wanted, pull.holders, signal);
    const current = await currentIfSound(store, manifest.id);
    if (current && current.key !== manifest.key) throw taken(current);
    const writer = await store.resume(manifest);
    const blocks = new ResumedBlocks(manifest, writer, (range) => {
      const fetch = rain.fetch(manifest, from(), { ...range, stallTimeoutMs: STALL_TIMEOUT_MS, signal });
      pull.onFetch(fetch);
      return fetch;
    });
    try {
      for (let index = 0; index < manifest.blockHashes.length; index++) {
        if (!writer.has(index)) await pull.turn(blockLength(manifest, index));
        signal.throwIfAborted();
        const block = await blocks.next();
        if (!block) break;
        if (!block.kept) await writer.write(block.index, block.bytes);
        block.release?.();
        pull.onBlock();
      }
      signal.throwIfAborted();
      versions.observe(manifest.version);
      const outcome = await commits.run(manifest.id, () => writer.commit(manifest, role));
      if (outcome === 'already' && role === 'replica') await store.setRole(manifest.id, manifest.version, role);
    } finally {
      await blocks.close();
      await writer.suspend(); // nothing after a commit
    }
    const held = await store.current(manifest.id);
    const newer = held !== undefined && compareVersions(held.version, wanted.version) > 0;
    return newer ? { kind: 'newer', version: held.version } : { kind: 'held' };
  }

  /** With those to fetch it from by then: holders may turn up until the fetch begins. */
  async #manifest(wanted: Fetched, holders: readonly Address[], signal: AbortSignal) {
    if (wanted.manifest) return { manifest: wanted.manifest, from: () => holders };
    const asked = [...holders];
    const located = await this.seams.rain.locate(wanted.id, asked, { signal });
    const order = located ? compareVersions(located.manifest.version, wanted.version) : -1;
    if (!located || order < 0 || (order > 0 && wanted.exact)) {
      throw new MurkyError('MURKY_NO_SERVER', 'No holder that answers has the version any more.');
    }
    const { manifest } = located;
    if (order === 0 && wanted.manifestSha256 && !sha256(encodeManifest(manifest)).equals(wanted.manifestSha256)) {
      throw conflict(manifest, manifest.key);
    }
    return { manifest, from: () => [...located.holders, ...holders.slice(asked.length)] };
  }
}

function hashOf({ manifest, manifestSha256 }: Wanted): Uint8Array | undefined {
  return manifestSha256 ?? (manifest && sha256(encodeManifest(manifest)));
}

function conflict({ id, version }: Wanted, key?: string): MurkyError {
  const what = key === undefined ? `resource ${id}` : `"${key}"`;
  return new MurkyError('MURKY_VERSION_CONFLICT', `There are two manifests for one version of ${what}.`, {
    facts: { version: versionToText(version) },
  });
}

function taken(current: Manifest): MurkyError {
  return new MurkyError('MURKY_ID_TAKEN', `The id ${current.id} belongs to the key "${current.key}" already.`);
}
