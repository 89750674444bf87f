import { type Address, type RainNetwork, RequestKind } from '../../rain/contract.js';
import type { Clock } from '../../seam/clock.js';
import type { Doubts } from '../doubts.js';
import type { Belief } from '../member-record.js';
import type { Member } from '../peers.js';
import type { Settings } from '../settings.js';
import { decodePing, encodePing, MAX_NEWS, type Ping, type SelfRecord } from './ping-message.js';
import type { Roster } from './roster.js';

interface ExchangeSeams {
  readonly rain: RainNetwork;
  readonly clock: Clock;
}

interface ExchangeHooks {
  /** A node at `from` knows other members, or others of them as alive, than this one; or, with `same`, the same ones. */
  readonly onDigest: (same: boolean, from: Address) => void;
  /** Somebody held this node for suspect or worse. */
  readonly onSlander: () => void;
}

/** Who was reached, and whether it knows better now than it did when it was asked. */
export interface Reached {
  readonly id: bigint;
  /** It is this very node. */
  readonly self: boolean;
  /** Undefined for this node itself, and for one that does not count as a member. */
  readonly member: Member | undefined;
  readonly wasSlandered: boolean;
}

/** No node that runs alone under its id is outspoken so often, as its first contradiction is greater than all before. */
const TIMES_OUTSPOKEN = 5;

/** PINGs as they are said and taken: who is there, in which words, with which news of others on the back. */
export class Exchange {
  #incarnation = 0;
  /** Times that others held a greater incarnation than this node's, which it alone may raise. */
  #outspoken = 0;
  /** Says goodbye, or has: what others hold of it is not contradicted. */
  #leaving = false;
  /** Somebody has noted that. */
  #left = false;

  constructor(
    private own: Omit<SelfRecord, 'incarnation' | 'left'>,
    private readonly settings: Settings,
    /** Without it this node's members are not to be compared with those of others. */
    private readonly comparable: boolean,
    private readonly roster: Roster,
    private readonly doubts: Doubts,
    private readonly seams: ExchangeSeams,
    private readonly hooks: ExchangeHooks,
  ) {}

  /** `incarnation` is greater than any that this node had before. */
  start(incarnation: number): void {
    this.#incarnation = Math.max(incarnation, this.#incarnation);
    this.roster.onSelf = (belief) => void this.#contradict(belief);
    this.seams.rain.onRequest(RequestKind.Ping, async (payload, from) => {
      const ping = decodePing(payload);
      // It leaves once it is heard: this node must know of it after a restart too, as it may be the only one that heard.
      // Where the disk takes no note of it, it is not heard, and not believed either.
      if (ping.self.left) await this.roster.noteGoodbye(ping.self);
      const doubled = this.#isDoubled(ping.self);
      const { member } = this.#take(ping, from, false);
      if (ping.self.left && member) await this.roster.kept(member);
      return this.#say(ping.self.id, from, { doubled });
    });
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  /** From now on this node says that it counts for so much. */
  reweigh(weight: number): void {
    this.own = { ...this.own, weight };
    this.#incarnation += 1;
    this.hooks.onSlander(); // the others have it otherwise
  }

  /**
   * Whether this node is about to go for good. It says so in its {@link goodbye}s alone: who hears of it otherwise would
   * believe it before anybody has noted it.
   */
  leave(leaving: boolean): void {
    this.#leaving = leaving;
    this.#incarnation += 1;
  }

  /** From now on it says so to all. */
  onLeft(): void {
    this.#left = true;
  }

  /** Like {@link ping}; resolves when whoever answers has noted on its disk that this node leaves. */
  goodbye(to: Address, id: bigint, timeoutMs: number): Promise<Reached> {
    return this.#ask(to, this.#say(id, to, { left: true }), timeoutMs);
  }

  /** Asks whoever is at `to`, a node of this id if it is known. Rejects without an answer. */
  ping(to: Address, id: bigint, timeoutMs: number): Promise<Reached> {
    return this.#ask(to, this.#say(id, to), timeoutMs);
  }

  async #ask(to: Address, said: Uint8Array, timeoutMs: number): Promise<Reached> {
    const { rain, clock } = this.seams;
    const startedMs = clock.monotonic();
    const wallMs = clock.now();
    const answer = decodePing(await rain.request(to, RequestKind.Ping, said, { timeoutMs }));
    const tookMs = clock.monotonic() - startedMs;
    const { member, wasSlandered } = this.#take(answer, to, true);
    if (member) {
      member.roundTripMs = member.roundTripMs === undefined ? tookMs : (7 * member.roundTripMs + tookMs) / 8;
      // As in NTP (RFC 5905, section 8): what it read lies in the middle of the round trip, give or take half of it.
      member.clockSkewMs = answer.wallMs - (wallMs + tookMs / 2);
      this.doubts.onClock(member, tookMs);
    }
    const self = answer.self.id === this.own.id && answer.self.boot === this.own.boot;
    return { id: answer.self.id, self, member, wasSlandered };
  }

  /** `doubled`: the one at `to` is to raise its incarnation, as another run of it has the same. */
  #say(id: bigint, to: Address, { doubled = false, left = this.#left } = {}): Uint8Array {
    const { roster } = this;
    const { gossip } = roster;
    const { ids, sent } = gossip.next(MAX_NEWS);
    const news = ids.flatMap((about, at) => {
      const record = about === id ? undefined : roster.record(about, to);
      return record ? [{ at, record }] : [];
    });
    const self = { ...this.#self(), left };
    const digest = this.comparable ? roster.digestWith(self) : 0n;
    const belief = roster.beliefOf(id);
    const { bytes, told } = encodePing({
      self,
      to: id,
      belief: doubled ? { ...belief, status: 'suspect' } : belief,
      wallMs: this.seams.clock.now(),
      settings: this.settings,
      digest,
      news: news.map(({ record }) => record),
    });
    // What is nothing to this one counts as told; what did not fit does not, nor what is behind it.
    sent(news[told]?.at ?? ids.length);
    return bytes;
  }

  #take(ping: Ping, from: Address, asked: boolean): Pick<Reached, 'member' | 'wasSlandered'> {
    const { self, belief } = ping;
    if (self.id === this.own.id) {
      if (self.boot !== this.own.boot) this.doubts.onTwinOfSelf(from);
      return { member: undefined, wasSlandered: false };
    }
    const wasSlandered = ping.to === this.own.id && this.#contradict(belief);
    const member = this.roster.heard(self, from, asked);
    if (member) {
      this.doubts.onBoot(member, self.boot, from);
      this.doubts.onSettings(member, ping.settings);
    }
    for (const record of ping.news) this.roster.learn(record, from);
    if (this.comparable && ping.digest !== 0n && member && !self.left) {
      this.hooks.onDigest(ping.digest === this.roster.digestWith(this.#self()), from);
    }
    return { member, wasSlandered };
  }

  /**
   * Whether another run has spoken with this incarnation. Runs of one folder begin with greater ones, those of two copies
   * with the same: neither would have anything to contradict, and would never hear of the other.
   */
  #isDoubled({ id, boot, incarnation }: SelfRecord): boolean {
    const member = this.roster.get(id);
    return member?.boot !== undefined && member.boot !== boot && member.incarnation === incarnation;
  }

  #self(): SelfRecord {
    return { ...this.own, incarnation: this.#incarnation, left: this.#left };
  }

  /** Raises the incarnation over that with which others hold what is not so: only the node itself can. */
  #contradict({ incarnation, status }: Belief): boolean {
    if (this.#leaving || incarnation < this.#incarnation) return false;
    if (incarnation === this.#incarnation && status === 'alive') return false;
    if (incarnation > this.#incarnation) this.#onOutspoken();
    this.#incarnation = incarnation + 1;
    this.hooks.onSlander();
    return true;
  }

  /**
   * Once or twice after a folder was put back from a backup; again and again where another node speaks for this one, also
   * where only a third one hears of both: each raises its incarnation over the other's.
   */
  #onOutspoken(): void {
    this.#outspoken += 1;
    if (this.#outspoken === TIMES_OUTSPOKEN) this.doubts.onTwinOfSelf();
  }
}
