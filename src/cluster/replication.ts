import { MurkyError } from '../errors.js';
import type { Manifest } from '../object/manifest.js';
import type { Version } from '../object/version.js';
import type { Address, RainNetwork } from '../rain/contract.js';
import type { Clock } from '../seam/clock.js';
import type { Log } from '../seam/log.js';
import type { Store } from '../store/contract.js';
import { contactText } from './contact.js';
import { type Delivered, deliver } from './delivery.js';
import type { Hints } from './hints.js';
import { Limit } from './limit.js';
import type { Member } from './peers.js';
import { quorumOf } from './placement.js';

/** How many owners hold a version durably, of how many, and how many had to. */
export interface Replicated {
  readonly durable: number;
  readonly owners: number;
  readonly quorum: number;
  /** An owner held a newer version before the quorum was reached: the write has lost against it. */
  readonly newer?: Version;
}

/** Owners of a resource as this node sees them. */
export interface Owners {
  /** This node is one. */
  readonly self: boolean;
  readonly others: readonly Member[];
}

export interface ReplicationOptions {
  readonly writeQuorum: number | 'majority';
  /** Longest time in which no owner gets further. */
  readonly writeTimeoutMs: number;
}

interface ReplicationSeams {
  readonly rain: RainNetwork;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly hints: Hints;
  readonly owners: (id: bigint) => Owners;
  /** An owner holds a newer version than the one that it was brought. */
  readonly onNewer: (owner: Member, id: bigint, version: Version) => void;
}

const MAX_RUNNING_DELIVERIES = 256;
const MAX_WAITING_DELIVERIES = 4096;
/** An owner that takes longer gets a hint beside the running delivery, in case this node stops before it ends. */
const HINT_AFTER_MS = 1000;

/** Brings versions to their owners and counts who holds them. */
export class Replication {
  readonly #limit = new Limit(MAX_RUNNING_DELIVERIES, MAX_WAITING_DELIVERIES);
  readonly #closing = new AbortController();
  /** Owners that are being brought a version, by resource: while there are any, a copy for them is kept. */
  readonly #active = new Map<bigint, number>();
  readonly #bringing = new Set<Promise<Delivered>>();

  constructor(
    private readonly options: ReplicationOptions,
    private readonly seams: ReplicationSeams,
  ) {}

  /** Ends what runs; what an owner has not got by then is kept as a hint before this resolves. */
  async close(): Promise<void> {
    this.#closing.abort(new MurkyError('MURKY_CLOSED', 'The node is closing.'));
    await Promise.allSettled([...this.#bringing]);
  }

  /** Owners and how many of them a write needs; MURKY_NO_QUORUM if there are not even as many. */
  plan(id: bigint): { owners: Owners; count: number; quorum: number } {
    const owners = this.seams.owners(id);
    const count = owners.others.length + (owners.self ? 1 : 0);
    const quorum = quorumOf(count, this.options.writeQuorum);
    if (count === 0) {
      throw new MurkyError('MURKY_NO_QUORUM', 'No node that owns objects is known: this one has weight 0.', {
        hint: 'Start a node with a weight above 0, or check that servers-list and cluster key are right.',
        details: { owners: 0, quorum },
      });
    }
    if (quorum > count) {
      throw new MurkyError('MURKY_NO_QUORUM', `The write quorum is ${quorum}, but there are only ${count} owners.`, {
        hint: 'Start more nodes, or lower cluster.write-quorum.',
        details: { owners: count, quorum },
      });
    }
    return { owners, count, quorum };
  }

  /**
   * Resolves as soon as a quorum of owners holds `manifest`'s version, which this node holds durably already; the others
   * get it in the background. An owner that holds a newer version ends it early, or with `newerCounts` counts like one
   * that holds this one: it was written there, and then overwritten. MURKY_NO_QUORUM when the quorum cannot be reached,
   * or nothing went on for the write timeout.
   */
  async replicate(manifest: Manifest, newerCounts = false): Promise<Replicated> {
    const { owners, count, quorum } = this.plan(manifest.id);
    const away = owners.others.filter((owner) => owner.state !== 'alive');
    const present = owners.others.filter((owner) => owner.state === 'alive');
    const outcomes: Record<string, string> = {};
    for (const owner of away) {
      outcomes[contactText(owner.contact)] = 'away';
      await this.#owe(owner, manifest);
    }
    return new Promise((resolve, reject) => {
      let durable = owners.self ? 1 : 0;
      let running = present.length;
      let answered = false;
      let settled = false; // answered, and not with a newer version
      const holders: Address[] = [];
      let stopTimer = () => {};
      const answer = (newer?: Version) => {
        answered = true;
        settled = newer === undefined;
        stopTimer();
        resolve({ durable, owners: count, quorum, ...(newer && { newer }) });
      };
      const fail = () => {
        answered = true;
        settled = true;
        stopTimer();
        reject(noQuorum(manifest, durable, count, quorum, outcomes));
      };
      const onProgress = () => {
        stopTimer();
        if (!answered) stopTimer = this.seams.clock.after(this.options.writeTimeoutMs, fail);
      };
      const check = (newer?: Version) => {
        if (answered) return;
        if (durable >= quorum) answer();
        else if (newer) answer(newer);
        else if (durable + running < quorum) fail();
      };
      const onDelivered = (owner: Member, delivered: Delivered) => {
        running -= 1;
        // Before the answer it is the writer's affair: it takes a greater version, for which it needs the blocks here.
        if (delivered.kind === 'newer' && settled) this.seams.onNewer(owner, manifest.id, delivered.version);
        if (delivered.kind === 'durable') holders.push(owner.address);
        if (delivered.kind === 'durable' || (delivered.kind === 'newer' && newerCounts)) durable += 1;
        else outcomes[contactText(owner.contact)] = delivered.kind === 'refused' ? delivered.code : delivered.kind;
        check(delivered.kind === 'newer' ? delivered.version : undefined);
        if (running === 0 && holders.length === owners.others.length) void this.settle(manifest);
      };
      onProgress();
      check();
      for (const owner of present) {
        this.#track(owner, manifest, () => holders, onProgress).then(
          (delivered) => onDelivered(owner, delivered),
          () => onDelivered(owner, { kind: 'silent' }), // closing
        );
      }
    });
  }

  /**
   * Brings one owner to hold a version that this node and the `holders` have. Where that does not work out at once a
   * hint is kept, durable when this resolves.
   */
  async bring(owner: Member, manifest: Manifest, holders: () => readonly Address[]): Promise<Delivered> {
    const delivered = await this.#track(owner, manifest, holders, () => {});
    if (delivered.kind === 'newer') this.seams.onNewer(owner, manifest.id, delivered.version);
    return delivered;
  }

  #track(
    owner: Member,
    manifest: Manifest,
    holders: () => readonly Address[],
    onProgress: () => void,
  ): Promise<Delivered> {
    const bringing = this.#bring(owner, manifest, holders, onProgress);
    this.#bringing.add(bringing);
    return bringing.finally(() => this.#bringing.delete(bringing));
  }

  async #bring(
    owner: Member,
    manifest: Manifest,
    holders: () => readonly Address[],
    onProgress: () => void,
  ): Promise<Delivered> {
    const { hints, clock } = this.seams;
    const { id, version } = manifest;
    const hint = () => this.#owe(owner, manifest);
    if (owner.state !== 'alive' || this.#limit.full || this.#closing.signal.aborted) {
      await hint();
      return { kind: 'silent' };
    }
    this.#active.set(id, (this.#active.get(id) ?? 0) + 1);
    let hinted: Promise<void> | undefined;
    const stopTimer = clock.after(HINT_AFTER_MS, () => {
      hinted = hint().catch((error) => this.#complain(error));
    });
    try {
      const options = { holders, onProgress, signal: this.#closing.signal };
      const delivered = (await this.#limit.run(() => deliver(owner, manifest, this.seams, options))) as Delivered;
      stopTimer();
      await hinted;
      const owed = delivered.kind === 'silent' || (delivered.kind === 'refused' && !delivered.final);
      await (owed ? hint() : hints.confirm(owner.id, id, version));
      return delivered;
    } catch (error) {
      await hint();
      throw error;
    } finally {
      stopTimer();
      const active = (this.#active.get(id) ?? 1) - 1;
      if (active > 0) this.#active.set(id, active);
      else this.#active.delete(id);
    }
  }

  /** Once every owner holds what this node stored for them, a node that is no owner itself keeps it as a cached copy. */
  async settle(manifest: Manifest): Promise<void> {
    const { store, hints } = this.seams;
    const owners = this.seams.owners(manifest.id);
    if (owners.self || owners.others.length === 0 || this.#active.has(manifest.id)) return;
    try {
      for (const owner of owners.others) if (await hints.get(owner.id, manifest.id)) return;
      await store.setRole(manifest.id, manifest.version, 'cached');
    } catch (error) {
      this.#complain(error);
    }
  }

  #owe(owner: Member, { id, version }: Manifest): Promise<void> {
    return this.seams.hints.add(owner.id, { id, version });
  }

  #complain(error: unknown): void {
    if (!this.#closing.signal.aborted) this.seams.log.warn({ error: String(error) }, 'A hint could not be kept.');
  }
}

function noQuorum(
  manifest: Manifest,
  durable: number,
  owners: number,
  quorum: number,
  outcomes: Record<string, string>,
): MurkyError {
  const details = { durable, owners, quorum, outcomes };
  const codes = Object.values(outcomes);
  if (codes.includes('MURKY_ID_TAKEN')) {
    return new MurkyError('MURKY_ID_TAKEN', `The id of "${manifest.key}" belongs to another key at its owners.`, {
      details,
    });
  }
  const full = codes.filter((code) => code === 'MURKY_STORE_FULL' || code === 'MURKY_DISK_FULL').length;
  const holds = durable === 1 ? 'owner holds' : 'owners hold';
  const because = full > 0 ? `, as ${full === 1 ? 'one is' : `${full} are`} full` : '';
  return new MurkyError(
    'MURKY_NO_QUORUM',
    `Only ${durable} of ${owners} ${holds} "${manifest.key}" durably, and ${quorum} have to${because}.`,
    { hint: 'It stays here and goes to the others as soon as they take it; writing it again does no harm.', details },
  );
}
