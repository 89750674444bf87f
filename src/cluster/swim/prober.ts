import { type RainNetwork, RequestKind } from '../../rain/contract.js';
import { type Clock, sleep } from '../../seam/clock.js';
import type { Random } from '../../seam/random.js';
import type { Member } from '../peers.js';
import type { Exchange } from './exchange.js';
import { decodeRelay, decodeRelayAnswer, encodeRelay, encodeRelayAnswer } from './relay-message.js';
import type { Roster } from './roster.js';

interface ProberSeams {
  readonly rain: RainNetwork;
  readonly clock: Clock;
  readonly random: Random;
}

/** SWIM's k: so many others are asked to ask a node that does not answer. */
export const HELPERS = 3;
/** Shares of a period: for the node itself, and for the others that ask it then. */
const DIRECT_SHARE = 0.5;
const RELAYED_SHARE = 0.5;
/** Longer where the way is known to be: a first answer takes two round trips, a relayed one two ways. */
const DIRECT_ROUND_TRIPS = 3;
const RELAYED_ROUND_TRIPS = 4;
const LONGEST_STAGE_PERIODS = 3;
const MAX_ILL_HEALTH = 4;
/** Suspects that this node doubted itself are asked again in each period, beside the one whose turn it is. */
const MAX_ASKED_AGAIN = 3;

/**
 * Finds out who has failed: in each period one member is asked, all in turn, in an order that is shuffled anew in each
 * round, so that none waits for more than two rounds (SWIM, sections 3.1 and 4.3). What is on the node itself counts
 * against it: while its own questions go unanswered by everyone it waits longer (Dadgar, Phillips, Currey, "Lifeguard",
 * DSN-W 2018, section IV-A).
 */
export class Prober {
  readonly #turn: Member[] = [];
  /** 0 well; each probe that fails without a word from the helpers raises it, each that succeeds lowers it. */
  #illHealth = 0;

  constructor(
    private readonly roster: Roster,
    private readonly exchange: Exchange,
    private readonly periodMs: number,
    private readonly seams: ProberSeams,
  ) {}

  start(): void {
    this.seams.rain.onRequest(RequestKind.Relay, async (payload) => {
      const { target, contact } = decodeRelay(payload);
      const address = this.roster.get(target)?.address ?? contact;
      const reached = await this.reaches(address, target, this.periodMs * RELAYED_SHARE);
      return encodeRelayAnswer(reached);
    });
  }

  /** Asks whose turn it is, and the suspects of this node. Resolves when that has been found out. */
  async probe(): Promise<void> {
    const asked = [...this.roster.doubted].filter(({ state }) => state === 'alive').slice(0, MAX_ASKED_AGAIN);
    const next = this.#next();
    if (next && !asked.includes(next)) asked.push(next);
    await Promise.all(asked.map((member) => this.#probe(member)));
  }

  /** A member that came up waits for its turn at a random place (SWIM, section 4.3). */
  onAlive(member: Member): void {
    if (this.#turn.includes(member)) return;
    this.#turn.splice(Math.floor(this.seams.random.unit() * (this.#turn.length + 1)), 0, member);
  }

  /** The period, longer while this node itself is in trouble. */
  get pauseMs(): number {
    return this.periodMs * (1 + this.#illHealth);
  }

  /** Tells one member, whichever, what there is to tell. */
  async tell(): Promise<void> {
    const alive = this.roster.alive();
    const member = alive[Math.floor(this.seams.random.unit() * alive.length)];
    if (member) await this.reaches(member.address, member.id, this.periodMs);
  }

  #next(): Member | undefined {
    const isMember = (member: Member) => member.state === 'alive' && this.roster.get(member.id) === member;
    for (let round = 0; round < 2; round++) {
      for (let member = this.#turn.pop(); member; member = this.#turn.pop()) if (isMember(member)) return member;
      this.#turn.push(...this.#shuffled(this.roster.alive()));
    }
    return undefined;
  }

  async #probe(member: Member): Promise<void> {
    const { clock, rain } = this.seams;
    const scale = 1 + this.#illHealth;
    const stageMs = (share: number, roundTrips: number) => {
      const farMs = Math.min(LONGEST_STAGE_PERIODS * this.periodMs, roundTrips * (member.roundTripMs ?? 0));
      return Math.max(this.periodMs * share * scale, farMs);
    };
    const directMs = stageMs(DIRECT_SHARE, DIRECT_ROUND_TRIPS);
    const relayedMs = stageMs(RELAYED_SHARE, RELAYED_ROUND_TRIPS);
    const waited = new AbortController();
    try {
      const direct = this.reaches(member.address, member.id, directMs + relayedMs);
      const soon = sleep(clock, directMs, waited.signal).then(
        () => undefined,
        () => undefined,
      );
      if ((await Promise.race([direct, soon])) === true) return this.#onReached();
      const helpers = this.#shuffled(this.roster.alive().filter((one) => one !== member && !one.suspect)).slice(
        0,
        HELPERS,
      );
      const payload = encodeRelay({ target: member.id, contact: member.address });
      let words = 0;
      const relayed = helpers.map(async (helper) => {
        try {
          const options = { timeoutMs: relayedMs };
          const reached = decodeRelayAnswer(await rain.request(helper.address, RequestKind.Relay, payload, options));
          words += 1;
          return reached;
        } catch {
          return false;
        }
      });
      if (await anyTrue([direct, ...relayed])) return this.#onReached();
      if (words === 0 && helpers.length > 0) this.#illHealth = Math.min(MAX_ILL_HEALTH, this.#illHealth + 1);
      this.roster.doubt(member);
    } finally {
      waited.abort();
    }
  }

  #onReached(): void {
    this.#illHealth = Math.max(0, this.#illHealth - 1);
  }

  /** Whether this node answers there. */
  async reaches(address: Member['address'], id: bigint, timeoutMs: number): Promise<boolean> {
    try {
      const reached = await this.exchange.ping(address, id, timeoutMs);
      // It had to contradict what it heard of itself: what it says now is heard first where it was doubted.
      if (reached.wasSlandered) await this.exchange.ping(address, id, timeoutMs);
      return reached.id === id;
    } catch {
      return false;
    }
  }

  #shuffled(members: Member[]): Member[] {
    for (let i = members.length - 1; i > 0; i--) {
      const j = Math.floor(this.seams.random.unit() * (i + 1));
      [members[i], members[j]] = [members[j] as Member, members[i] as Member];
    }
    return members;
  }
}

/** True as soon as one of them is, false when none is. */
function anyTrue(answers: readonly Promise<boolean>[]): Promise<boolean> {
  return new Promise((resolve) => {
    let open = answers.length;
    for (const answer of answers) {
      void answer.then((yes) => {
        open -= 1;
        if (yes) resolve(true);
        else if (open === 0) resolve(false);
      });
    }
  });
}
