import { setMaxListeners } from 'node:events';
import { MurkyError } from '../errors.js';
import type { Manifest } from '../object/manifest.js';
import type { Version } from '../object/version.js';
import type { Address, RainNetwork } from '../rain/contract.js';
import type { Clock } from '../seam/clock.js';
import type { Log } from '../seam/log.js';
import type { Store } from '../store/contract.js';
import { type Delivered, deliver } from './delivery.js';
import { Limit } from './limit.js';
import type { Owners } from './ownership.js';
import type { Member } from './peers.js';
import type { RepairQueue } from './repair/queue.js';

interface HandoverSeams {
  readonly rain: RainNetwork;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly queue: RepairQueue;
  readonly owners: (id: bigint) => Owners;
  /** An owner holds a newer version than the one that it was brought. */
  readonly onNewer: (owner: Member, id: bigint, version: Version) => void;
}

const MAX_RUNNING_DELIVERIES = 256;
/** Running and waiting; beyond that there are hints. */
const MAX_DELIVERIES = 4352;
/**
 * Each is a question that the owner holds open for a second while it fetches, of which it does only a few at once. It
 * has room for so many questions of one node, and needs some of it for others: whether it is there, what it holds.
 */
const MAX_RUNNING_TO_AN_OWNER = 64;
/** An owner that takes longer gets a hint beside the running delivery, in case this node stops before it ends. */
const HINT_AFTER_MS = 1000;

/** Who waits in line looks so often whether the line gets on. */
const LOOK_AT_LINE_MS = 1000;

export interface BringOptions {
  /** Further holders by now. */
  readonly holders: () => readonly Address[];
  /** No one waits for it: a repair. */
  readonly repair: boolean;
  /** Called when it goes on: the owner has so many blocks of it, or what was before it in line got on. */
  readonly onProgress: (blocks: number) => void;
}

/** Brings versions to owners; what an owner could not be brought goes into the repair queue, as a hint. */
export class Handover {
  readonly #limit = new Limit(MAX_RUNNING_DELIVERIES, MAX_DELIVERIES);
  readonly #limitOf = new Map<bigint, Limit>();
  readonly #closing = new AbortController();
  /** Owners that are being brought a version, by resource: while there are any, a copy for them is kept. */
  readonly #active = new Map<bigint, number>();
  readonly #bringing = new Set<Promise<Delivered>>();

  constructor(private readonly seams: HandoverSeams) {
    setMaxListeners(0, this.#closing.signal); // one or two a delivery, and those have a limit
  }

  /** Ends what runs; what an owner has not got by then is kept as a hint before this resolves. */
  async close(): Promise<void> {
    this.#closing.abort(new MurkyError('MURKY_CLOSED', 'The node is closing.'));
    await Promise.allSettled([...this.#bringing]);
  }

  /**
   * Brings one owner to hold a version that this node and others have. Where that does not work out at once a hint is
   * kept when this resolves.
   */
  async bring(owner: Member, manifest: Manifest, options: BringOptions): Promise<Delivered> {
    const delivered = await this.start(owner, manifest, options);
    if (delivered.kind === 'newer') this.seams.onNewer(owner, manifest.id, delivered.version);
    return delivered;
  }

  /** Like {@link bring}, but what becomes of a newer version is left to the caller. Rejects when the node closes. */
  start(owner: Member, manifest: Manifest, options: BringOptions): Promise<Delivered> {
    const bringing = this.#bring(owner, manifest, options);
    this.#bringing.add(bringing);
    return bringing.finally(() => this.#bringing.delete(bringing));
  }

  async #bring(owner: Member, manifest: Manifest, options: BringOptions): Promise<Delivered> {
    const { queue, clock } = this.seams;
    const { id, version } = manifest;
    const hint = () => this.owe(owner, manifest);
    const confirm = () => queue.confirm(owner.id, id, version).catch((error) => this.#complain(error));
    const full = this.#bringing.size >= MAX_DELIVERIES;
    if (owner.state !== 'alive' || full || this.#closing.signal.aborted) {
      await hint();
      return { kind: 'silent' };
    }
    const limit = this.#limitOf.get(owner.id) ?? new Limit(MAX_RUNNING_TO_AN_OWNER, MAX_DELIVERIES);
    this.#limitOf.set(owner.id, limit);
    this.#active.set(id, (this.#active.get(id) ?? 0) + 1);
    let hinted: Promise<void> | undefined;
    const stopTimer = clock.after(HINT_AFTER_MS, () => {
      hinted = hint();
    });
    const stopWatching = this.#watchLine(limit, () => options.onProgress(0));
    try {
      const deliverIt = async () => {
        stopWatching();
        const onProgress = (blocks: number) => {
          limit.advance();
          options.onProgress(blocks);
        };
        const signal = this.#closing.signal;
        const delivered = await deliver(owner, manifest, this.seams, { ...options, onProgress, signal });
        limit.advance();
        return delivered;
      };
      const delivered = (await limit.run(() => this.#limit.run(deliverIt))) as Delivered;
      stopTimer();
      await hinted;
      const owed = delivered.kind === 'silent' || (delivered.kind === 'refused' && !delivered.final);
      await (owed ? hint() : confirm());
      return delivered;
    } catch (error) {
      await hint();
      throw error;
    } finally {
      stopTimer();
      stopWatching();
      const active = (this.#active.get(id) ?? 1) - 1;
      if (active > 0) this.#active.set(id, active);
      else this.#active.delete(id);
      if (limit.idle && this.#limitOf.get(owner.id) === limit) this.#limitOf.delete(owner.id);
    }
  }

  /** Calls `onMove` while the deliveries of a line get on, until the returned function is called. */
  #watchLine(line: Limit, onMove: () => void): () => void {
    let at = line.advanced;
    let stop = () => {};
    const look = () => {
      if (line.advanced > at) onMove();
      at = line.advanced;
      stop = this.seams.clock.after(LOOK_AT_LINE_MS, look);
    };
    look();
    return () => stop();
  }

  /** Once every owner holds what this node stored for them, a node that is no owner itself keeps it as a cached copy. */
  async settle(manifest: Manifest): Promise<void> {
    const { store, queue } = this.seams;
    const owners = this.seams.owners(manifest.id);
    const owed = queue.get(manifest.id)?.owed.length ?? 0;
    if (owners.self || owners.others.length === 0 || owed > 0 || this.#active.has(manifest.id)) return;
    try {
      await store.setRole(manifest.id, manifest.version, 'cached');
    } catch (error) {
      this.#complain(error);
    }
  }

  /**
   * Keeps a hint, durable when it resolves. Where the disk takes none that is logged and no reason for anything else to
   * fail: it is known until this node stops, and then a comparison finds what the owner lacks.
   */
  async owe(owner: Member, { id, version }: Manifest): Promise<void> {
    const there = this.seams.owners(id).others.filter((other) => other !== owner && other.state === 'alive');
    try {
      await this.seams.queue.owe(owner.id, { id, version, copies: 1 + there.length });
    } catch (error) {
      this.#complain(error);
    }
  }

  #complain(error: unknown): void {
    if (!this.#closing.signal.aborted) this.seams.log.warn({ error: String(error) }, 'A hint could not be kept.');
  }
}
