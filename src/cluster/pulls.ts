import { isMurkyError, MurkyError } from '../errors.js';
import type { HybridClock } from '../object/hybrid-clock.js';
import { blockCount, encodeManifest, type Manifest, sha256 } from '../object/manifest.js';
import { compareVersions, type Version, versionToText } from '../object/version.js';
import type { Address, BlockFetch, RainNetwork } from '../rain/contract.js';
import type { Role, Store } from '../store/contract.js';
import { currentIfSound } from '../store/damage.js';
import { sameAddress } from './contact.js';
import type { KeyedLock } from './keyed-lock.js';
import { Limit } from './limit.js';

export interface Wanted {
  readonly id: bigint;
  readonly version: Version;
  /** Without it, it is got from a holder and must have the hash. */
  readonly manifest?: Manifest;
  readonly manifestSha256?: Uint8Array;
}

/** What this node holds durably in the end: the wanted version or a newer one. */
export type Held = { readonly kind: 'held' } | { readonly kind: 'newer'; readonly version: Version };

export interface Pull {
  readonly done: Promise<Held>;
  /** Blocks that are in the store so far. */
  blocks(): number;
  /** Brings in holders that turned up later. */
  also(holders: readonly Address[]): void;
}

interface Progress {
  blocks: number;
  fetch?: BlockFetch;
}

const MAX_RUNNING_PULLS = 8;
const MAX_WAITING_PULLS = 1024;
const STALL_TIMEOUT_MS = 15_000;
const MAX_HOLDERS = 16;

interface PullsSeams {
  readonly rain: RainNetwork;
  readonly store: Store;
  readonly versions: HybridClock;
  readonly commits: KeyedLock;
}

/** Brings versions from their holders into the store, each once however often it is asked for. */
export class Pulls {
  readonly #running = new Map<string, Pull>();
  readonly #limit = new Limit(MAX_RUNNING_PULLS, MAX_WAITING_PULLS);
  readonly #closing = new AbortController();

  constructor(private readonly seams: PullsSeams) {}

  /** Starts to fetch a version from all `holders` at once, or joins who does already. MURKY_BUSY over the limit. */
  start(wanted: Wanted, holders: readonly Address[], role: Role): Pull {
    const name = `${wanted.id}/${versionToText(wanted.version)}`;
    const running = this.#running.get(name);
    if (running) {
      running.also(holders);
      return running;
    }
    if (this.#closing.signal.aborted) throw new MurkyError('MURKY_CLOSED', 'The node is closing.');
    if (this.#limit.full) throw new MurkyError('MURKY_BUSY', 'Too many objects are being fetched already.');
    const progress: Progress = { blocks: 0 };
    const known = [...holders];
    const done = this.#limit
      .run(() => this.#pull(wanted, holders, role, progress))
      .then((held) => held as Held)
      .finally(() => this.#running.delete(name));
    done.catch(() => {}); // whoever waits sees it; it is no crash if no one does
    const pull: Pull = {
      done,
      blocks: () => progress.blocks,
      also: (more) => {
        for (const holder of more) {
          if (known.length >= MAX_HOLDERS || known.some((one) => sameAddress(one, holder))) continue;
          known.push(holder);
          progress.fetch?.addServer(holder);
        }
      },
    };
    this.#running.set(name, pull);
    return pull;
  }

  /** Ends what runs, and resolves when it has ended. */
  async close(): Promise<void> {
    this.#closing.abort(new MurkyError('MURKY_CLOSED', 'The node is closing.'));
    await Promise.allSettled([...this.#running.values()].map((pull) => pull.done));
  }

  async #pull(wanted: Wanted, holders: readonly Address[], role: Role, progress: Progress): Promise<Held> {
    const held = await this.#alreadyHeld(wanted, role);
    if (held) return held;
    try {
      return await this.#fetch(wanted, holders, role, progress);
    } catch (error) {
      // The holders have moved on to a newer version; it is what this node should hold as well.
      if (!isMurkyError(error, 'MURKY_SUPERSEDED')) throw error;
      const { id, version } = wanted;
      return this.#fetch({ id, version }, holders, role, progress);
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
      throw conflict(current);
    if (role === 'replica') await store.setRole(wanted.id, current.version, role);
    return { kind: 'held' };
  }

  async #fetch(wanted: Wanted, holders: readonly Address[], role: Role, progress: Progress): Promise<Held> {
    const { rain, store, versions, commits } = this.seams;
    const signal = this.#closing.signal;
    const { manifest, from } = await this.#manifest(wanted, holders, signal);
    const current = await currentIfSound(store, manifest.id);
    if (current && current.key !== manifest.key) throw taken(current);
    const writer = store.begin();
    try {
      if (blockCount(manifest.size, manifest.blockBytes) > 0) {
        const options = { stallTimeoutMs: STALL_TIMEOUT_MS, signal };
        progress.fetch = rain.fetch(manifest, from, options);
        for await (const { index, bytes } of progress.fetch) {
          await writer.write(index, bytes);
          progress.blocks += 1;
        }
      }
      versions.observe(manifest.version);
      const outcome = await commits.run(manifest.id, () => writer.commit(manifest, role));
      if (outcome === 'already' && role === 'replica') await store.setRole(manifest.id, manifest.version, role);
    } finally {
      await writer.abort(); // nothing after a commit
    }
    const held = await store.current(manifest.id);
    const newer = held !== undefined && compareVersions(held.version, wanted.version) > 0;
    return newer ? { kind: 'newer', version: held.version } : { kind: 'held' };
  }

  async #manifest(wanted: Wanted, holders: readonly Address[], signal: AbortSignal) {
    if (wanted.manifest) return { manifest: wanted.manifest, from: holders };
    const located = await this.seams.rain.locate(wanted.id, holders, { signal });
    const order = located ? compareVersions(located.manifest.version, wanted.version) : -1;
    if (!located || order < 0) {
      throw new MurkyError('MURKY_NO_SERVER', 'No holder that answers has the version any more.');
    }
    const { manifest } = located;
    if (order === 0 && wanted.manifestSha256 && !sha256(encodeManifest(manifest)).equals(wanted.manifestSha256)) {
      throw conflict(manifest);
    }
    return { manifest, from: located.holders };
  }
}

function conflict(manifest: Manifest): MurkyError {
  const version = versionToText(manifest.version);
  return new MurkyError('MURKY_VERSION_CONFLICT', `There are two manifests for one version of "${manifest.key}".`, {
    facts: { version },
  });
}

function taken(current: Manifest): MurkyError {
  return new MurkyError('MURKY_ID_TAKEN', `The id ${current.id} belongs to the key "${current.key}" already.`);
}
