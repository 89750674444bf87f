import { isMurkyError } from '../../errors.js';
import type { Manifest } from '../../object/manifest.js';
import { compareVersions } from '../../object/version.js';
import type { Address, Located, RainNetwork } from '../../rain/contract.js';
import type { Store } from '../../store/contract.js';
import { currentIfSound, ignoreDamage } from '../../store/damage.js';
import { sameAddress } from '../contact.js';
import type { Handover } from '../handover.js';
import type { Owners } from '../ownership.js';
import type { Member } from '../peers.js';
import type { Pulls } from '../pulls.js';
import type { Pace } from '../queued-pull.js';
import type { Entry } from './entry.js';
import type { RepairQueue } from './queue.js';
import type { RateLimit } from './rate-limit.js';

export interface ReconciliationSeams {
  readonly rain: RainNetwork;
  readonly store: Store;
  readonly queue: RepairQueue;
  readonly pulls: Pulls;
  readonly handover: Handover;
  readonly owners: (id: bigint) => Owners;
  /** Peers that may hold something, owners or not. */
  readonly candidates: (id: bigint) => Address[];
  readonly bytesPerSecond: RateLimit;
  readonly signal: AbortSignal;
}

/** What a repair came to. `done`: nothing is left to do that could be done now. */
export interface Reconciled {
  readonly done: boolean;
  /** Bytes of values that were moved, from here or to here. */
  readonly bytes: number;
}

const LOCATE_TIMEOUT_MS = 2000;

/**
 * Makes one resource right as far as this node can: gets the newest version if it is an owner, brings it to the owners
 * that are there and have not got it, and lets go of what it need not hold. May be done any number of times, by any
 * number of nodes at once.
 */
export class Reconciliation {
  constructor(private readonly seams: ReconciliationSeams) {}

  async run(id: bigint): Promise<Reconciled> {
    const { store, queue, owners } = this.seams;
    const entry = queue.get(id);
    if (!entry) return { done: true, bytes: 0 };
    const { self, others } = owners(id);
    for (const peer of entry.owed) {
      if (!others.some((owner) => owner.id === peer)) await queue.confirm(peer, id, entry.version); // no owner any more
    }
    const present = others.filter((owner) => owner.state === 'alive');
    const located = await this.#locate(id, present, self);
    if (located === 'unknown') return { done: false, bytes: 0 };
    const pulled = self ? await this.#hold(id, located) : 0;
    const held = await currentIfSound(store, id);
    const overtaken = !self && held && located && compareVersions(located.manifest.version, held.version) > 0;
    if (overtaken) {
      await store.setRole(id, held.version, 'cached');
      await store.dropCached(id);
      await this.#forgive(id, entry, entry.owed);
    }
    const local = overtaken ? undefined : held;
    // Who is no owner can bring owners together over what it does not hold itself.
    const manifest = local ?? (self ? undefined : located?.manifest);
    if (!manifest) {
      // Nothing is here that could be brought; what is damaged may be healed by a later comparison.
      if (!(await this.#damaged(id))) await this.#forgive(id, entry, entry.owed);
      // What no one who is there has may be with an owner that is away.
      return { done: present.length === others.length && others.length > 0, bytes: pulled };
    }
    const owed = overtaken ? [] : entry.owed;
    const to = self || !local ? owed : others.map((owner) => owner.id);
    const brought = await this.#bring(entry, manifest, to, others, located);
    if (!self) await this.seams.handover.settle(manifest);
    return { done: brought.done, bytes: pulled + brought.bytes };
  }

  /** The newest version at the other owners, at other peers if an owner finds none; 'unknown' if too few can be asked. */
  async #locate(id: bigint, present: readonly Member[], self: boolean): Promise<Located | 'unknown' | undefined> {
    const options = { timeoutMs: LOCATE_TIMEOUT_MS, signal: this.seams.signal };
    try {
      const owners = present.map((owner) => owner.address);
      const located = owners.length > 0 ? await this.seams.rain.locate(id, owners, options) : undefined;
      if (located || !self || (await currentIfSound(this.seams.store, id))) return located;
      const candidates = this.seams.candidates(id);
      return candidates.length > 0 ? await this.seams.rain.locate(id, candidates, options) : undefined;
    } catch (error) {
      if (isMurkyError(error, 'MURKY_NO_SERVER')) return 'unknown';
      throw error;
    }
  }

  /** Holds the newest version as a replica; bytes that were fetched for it. */
  async #hold(id: bigint, located: Located | undefined): Promise<number> {
    const { store, pulls, bytesPerSecond, signal } = this.seams;
    const local = await currentIfSound(store, id);
    const newer = located && (!local || compareVersions(located.manifest.version, local.version) > 0);
    if (!newer) {
      if (local) await store.setRole(id, local.version, 'replica');
      return 0;
    }
    const { manifest, holders } = located;
    const pace: Pace = (bytes, hurried) => bytesPerSecond.spend(bytes, hurried);
    signal.throwIfAborted();
    await pulls.start({ id, version: manifest.version, manifest }, holders, 'replica', pace).done;
    return manifest.size;
  }

  async #damaged(id: bigint): Promise<boolean> {
    try {
      await this.seams.store.current(id);
      return false;
    } catch (error) {
      ignoreDamage(error);
      return true;
    }
  }

  /** Owners are owed nothing any more, unless it is newer than what the entry said. */
  async #forgive(id: bigint, entry: Entry, peers: readonly bigint[]): Promise<void> {
    for (const peer of peers) await this.seams.queue.confirm(peer, id, entry.version);
  }

  async #bring(
    entry: Entry,
    manifest: Manifest,
    to: readonly bigint[],
    owners: readonly Member[],
    located: Located | undefined,
  ): Promise<Reconciled> {
    const { handover, bytesPerSecond, signal } = this.seams;
    const same = located !== undefined && compareVersions(located.manifest.version, manifest.version) === 0;
    const lacks = (owner: Member) => !same || !located.holders.some((holder) => sameAddress(holder, owner.address));
    // Owners that answered with an older version, or none, are told at once; those that are owed it in any case.
    const behind = located ? located.others : [];
    const targets = owners.filter(
      (owner) => to.includes(owner.id) || behind.some((address) => sameAddress(address, owner.address)),
    );
    let done = true;
    let bytes = 0;
    for (const owner of targets) {
      const moves = owner.state === 'alive' && lacks(owner) ? manifest.size : 0;
      // Block by block: others that are repaired meanwhile need not wait until a large one has been paid for.
      let paid = Math.min(moves, manifest.blockBytes);
      if (moves > 0) await bytesPerSecond.spend(paid, signal);
      const pay = (moved: number) => {
        bytesPerSecond.book(moved - paid);
        paid = moved;
      };
      let moved = 0;
      const onProgress = (blocks: number) => {
        moved = Math.min(moves, blocks * manifest.blockBytes);
        if (moved > paid) pay(moved);
      };
      const holders = same ? located.holders.filter((holder) => !sameAddress(holder, owner.address)) : [];
      const delivered = await handover.bring(owner, manifest, { holders: () => holders, repair: true, onProgress });
      // What did not move is not paid for: else an owner that is full would hold up the repair of all others.
      pay(delivered.kind === 'durable' ? moves : moved);
      bytes += delivered.kind === 'durable' ? moves : 0;
      const settled =
        delivered.kind === 'durable' || delivered.kind === 'newer' || (delivered.kind === 'refused' && delivered.final);
      // Also where the entry speaks of a version that is not to be had here any more.
      if (settled) await this.#forgive(manifest.id, entry, [owner.id]);
      else done = false;
    }
    return { done, bytes };
  }
}
