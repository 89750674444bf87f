import type { Manifest } from '../object/manifest.js';
import { type Clock, sleep } from '../seam/clock.js';
import type { Log } from '../seam/log.js';
import type { Store } from '../store/contract.js';
import { ignoreDamage } from '../store/damage.js';
import type { Handover, Owners } from './handover.js';
import type { Hints } from './hints.js';
import type { Member, Peer } from './peers.js';

interface CatchUpSeams {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly hints: Hints;
  readonly owners: (id: bigint) => Owners;
  readonly members: () => Member[];
}

const MAX_RUNNING = 4;
const RETRY_HINTS_AFTER_MS = 15_000;
/** Peers that answer for the first time are gathered for so long, and then offered to in one pass. */
const GATHER_MS = 500;
const MAX_OFFERS_PER_SECOND = 400;
const OFFERS_AT_ONCE = 20;

/**
 * Brings peers what they missed: hints when they answer again, and everything that they own when they answer for the
 * first time since this node started (`propagate-on-startup`) or when more was missed than hints could be kept.
 */
export class CatchUp {
  readonly #replaying = new Set<bigint>();
  readonly #toOffer = new Set<bigint>();
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #offering = false;
  #stopTimer = () => {};

  constructor(
    private readonly handover: Handover,
    private readonly seams: CatchUpSeams,
    private readonly propagateOnStartup: boolean,
  ) {}

  start(): void {
    this.#stopTimer = this.seams.clock.after(RETRY_HINTS_AFTER_MS, () => {
      for (const member of this.seams.members()) if (member.state === 'alive') this.#run(() => this.#replay(member));
      this.start();
    });
  }

  async close(): Promise<void> {
    this.#stopTimer();
    this.#closing.abort();
    await Promise.allSettled([...this.#running]);
  }

  onAlive(peer: Peer, first: boolean): void {
    const member = this.seams.members().find((one) => one === peer);
    if (!member) return;
    this.#run(async () => {
      await this.#replay(member);
      if ((first && this.propagateOnStartup) || (await this.seams.hints.lost(member.id))) {
        this.#toOffer.add(member.id);
        await this.#offer();
      }
    });
  }

  #run(work: () => Promise<void>): void {
    if (this.#closing.signal.aborted) return;
    const running: Promise<void> = work()
      .catch((error) => {
        if (!this.#closing.signal.aborted) {
          this.seams.log.warn({ error: String(error) }, 'Bringing a peer what it missed was interrupted.');
        }
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #replay(member: Member): Promise<void> {
    const { hints, store, owners, log } = this.seams;
    if (this.#replaying.has(member.id) || hints.count(member.id) === 0) return;
    this.#replaying.add(member.id);
    try {
      await this.#pool(hints.of(member.id), async ({ id, version }) => {
        if (member.state !== 'alive') return;
        let damaged = false;
        const manifest = await store.current(id).catch((error) => {
          damaged = true;
          return ignoreDamage(error);
        });
        if (damaged) {
          // The hint stays: the object may be healed from another owner before the next pass.
          log.warn({ id: String(id) }, 'An object that another node is owed is damaged here and was passed over.');
          return;
        }
        if (manifest && owners(id).others.some((owner) => owner.id === member.id)) {
          await this.handover.bring(member, manifest, () => this.#others(id, member.id));
        } else await hints.confirm(member.id, id, version); // nothing to bring any more, or no longer to this one
        if (manifest) await this.handover.settle(manifest);
      });
    } finally {
      this.#replaying.delete(member.id);
    }
  }

  async #offer(): Promise<void> {
    const { clock, store, hints, owners, log } = this.seams;
    if (this.#offering) return; // the running pass starts over for who came late
    this.#offering = true;
    try {
      while (this.#toOffer.size > 0) {
        await sleep(clock, GATHER_MS, this.#closing.signal);
        const peers = new Set(this.#toOffer);
        this.#toOffer.clear();
        let offered = 0;
        await this.#pool(store.all(), async ({ manifest, role }) => {
          // Cached copies are not offered: an owner that has forgotten a deletion would bring the object back.
          if (role !== 'replica') return;
          const { self, others } = owners(manifest.id);
          const behind = self ? others.filter((owner) => peers.has(owner.id)) : others;
          if (behind.length === 0) return;
          offered += 1;
          if (offered % OFFERS_AT_ONCE === 0) {
            await sleep(clock, (1000 * OFFERS_AT_ONCE * MAX_RUNNING) / MAX_OFFERS_PER_SECOND, this.#closing.signal);
          }
          await this.#bringAll(manifest, behind);
          if (!self) await this.handover.settle(manifest);
        });
        const alive = this.seams.members().filter((member) => member.state === 'alive' && peers.has(member.id));
        for (const member of alive) await hints.forgetLost(member.id);
        log.info({ peers: peers.size, objects: offered }, 'Objects were offered to their owners.');
      }
    } finally {
      this.#offering = false;
    }
  }

  async #bringAll(manifest: Manifest, owners: readonly Member[]): Promise<void> {
    for (const owner of owners) {
      await this.handover.bring(owner, manifest, () => this.#others(manifest.id, owner.id));
    }
  }

  /** Other owners that probably hold it. */
  #others(id: bigint, but: bigint) {
    const others = this.seams.owners(id).others;
    return others.filter((owner) => owner.id !== but && owner.state === 'alive').map((owner) => owner.address);
  }

  /** Works on items, a few at once. */
  async #pool<T>(items: AsyncIterable<T>, work: (item: T) => Promise<void>): Promise<void> {
    const iterator = items[Symbol.asyncIterator]();
    let stopped = false;
    const worker = async () => {
      while (!stopped && !this.#closing.signal.aborted) {
        const next = await iterator.next();
        if (next.done) return;
        await work(next.value);
      }
    };
    const workers = Array.from({ length: MAX_RUNNING }, () =>
      worker().catch((error) => {
        stopped = true;
        throw error;
      }),
    );
    const ended = await Promise.allSettled(workers);
    await iterator.return?.();
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
  }
}
