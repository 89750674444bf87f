import type { Clock } from '../seam/clock.js';
import type { Member } from './peers.js';
import { type Candidate, Placement } from './placement.js';

/** Owners of a resource as this node sees them. */
export interface Owners {
  /** This node is one. */
  readonly self: boolean;
  readonly others: readonly Member[];
}

export interface OwnershipOptions {
  readonly replicas: number;
  readonly graceSeconds: number;
}

interface OwnershipSeams {
  readonly clock: Clock;
  readonly self: () => Candidate;
  readonly members: () => Member[];
}

interface Seen extends Candidate {
  /** Undefined: this node. */
  readonly member: Member | undefined;
}

/** Members are looked at anew so often at most; a change that somebody was told of counts at once where it matters. */
const LOOK_AGAIN_MS = 50;
const WATCH_PERIOD_MS = 1000;

/** Who owns what by the members that this node knows now. One that is away for longer than the grace time is passed over. */
export class Ownership {
  #seen: readonly Seen[] = [];
  #placement = new Placement<Seen>([]);
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #stopTimer = () => {};
  #stopRefresh: (() => void) | undefined;
  /** Until {@link start} members are loaded without a word: an owner who knew of none would be a majority by itself. */
  #stale = true;
  #started = false;
  /** Grows when owners may be others than before. */
  generation = 0;
  /** Called after such a change. */
  onChange: () => void = () => {};

  constructor(
    private readonly options: OwnershipOptions,
    private readonly seams: OwnershipSeams,
  ) {}

  /** Begins to notice changes that nobody asked for: a grace time that ends. */
  start(): void {
    this.#started = true;
    this.#stopTimer = this.seams.clock.after(WATCH_PERIOD_MS, () => {
      this.refresh();
      this.start();
    });
  }

  close(): void {
    this.#stopTimer();
    this.#stopRefresh?.();
  }

  /** Members are others than before: they are looked at when somebody asks for owners, and soon in any case. */
  onMembers(): void {
    this.#stale = true;
    this.#stopRefresh ??= this.seams.clock.after(LOOK_AGAIN_MS, () => this.refresh());
  }

  of(resource: bigint): Owners {
    if (this.#stale || this.seams.clock.monotonic() - this.#lookedAtMs >= LOOK_AGAIN_MS) this.refresh();
    const owners = this.#placement.owners(resource, this.options.replicas);
    const others = owners.flatMap(({ member }) => member ?? []);
    return { self: others.length < owners.length, others };
  }

  /** Away for longer than the grace time. */
  passedOver(member: Member): boolean {
    const { awaySinceMs } = member;
    if (member.state === 'alive' || awaySinceMs === undefined) return false;
    return this.seams.clock.monotonic() - awaySinceMs >= 1000 * this.options.graceSeconds;
  }

  /** Looks at the members anew. */
  refresh(): void {
    this.#stale = !this.#started;
    this.#stopRefresh?.();
    this.#stopRefresh = undefined;
    this.#lookedAtMs = this.seams.clock.monotonic();
    const { id, weight, zone, standby } = this.seams.self();
    const seen: Seen[] = [{ member: undefined, id, weight, zone: zone ?? '', standby: standby ?? false, gone: false }];
    for (const member of this.seams.members()) {
      const { id, weight, zone, standby } = member;
      seen.push({ member, id, weight, zone, standby, gone: this.passedOver(member) });
    }
    if (seen.length === this.#seen.length && seen.every((one, i) => same(one, this.#seen[i]!))) return;
    this.#seen = seen;
    this.#placement = new Placement(seen);
    this.generation += 1;
    this.onChange();
  }
}

function same(a: Seen, b: Seen): boolean {
  return (
    a.member === b.member &&
    a.id === b.id &&
    a.weight === b.weight &&
    a.zone === b.zone &&
    a.standby === b.standby &&
    a.gone === b.gone
  );
}
