import { isMurkyError, MurkyError } from '../../errors.js';
import { compareVersions } from '../../object/version.js';
import { type RainNetwork, RequestKind } from '../../rain/contract.js';
import { type Clock, sleep } from '../../seam/clock.js';
import { Limit } from '../limit.js';
import type { Member } from '../peers.js';
import {
  type Compare,
  type CompareAnswer,
  decodeCompare,
  decodeCompareAnswer,
  encodeCompare,
  encodeCompareAnswer,
  type Holding,
  MAX_HOLDINGS,
} from './compare-message.js';
import { differences, FAN_OUT, leafRange } from './digests.js';
import type { Survey } from './survey.js';

interface ComparisonSeams {
  readonly rain: RainNetwork;
  readonly clock: Clock;
  /** Id of this node. */
  readonly self: bigint;
  readonly survey: Survey;
  /** This node lacks what `holder` holds, or has it older; false if there is no room to note it. */
  readonly onLacking: (holding: Holding, holder: bigint) => Promise<boolean>;
  readonly signal: AbortSignal;
}

/** Between the messages of a node that compares: at most 100 a second. */
const PAUSE_MS = 10;
const TIMEOUT_MS = 3000;
const ASK_AGAIN_MS = 1000;
/** A peer that has much to look through first is asked again later, by the next comparison. */
const MAX_LATER = 60;
const MAX_RUNNING_ANSWERS = 2;
const MAX_WAITING_ANSWERS = 64;

/**
 * Anti-entropy between two nodes over what both own (Demers et al., "Epidemic algorithms for replicated database
 * maintenance", PODC 1987): digests of ranges, of the ranges within those that differ, and at the leaves what is held.
 * Each side learns what it lacks, and sees to that itself. Tombstones are compared like values.
 */
export class Comparison {
  readonly #answers = new Limit(MAX_RUNNING_ANSWERS, MAX_WAITING_ANSWERS);

  constructor(private readonly seams: ComparisonSeams) {
    seams.rain.onRequest(RequestKind.Compare, async (payload) => {
      const message = decodeCompare(payload);
      const answer = await this.#answers.run(() => this.#answer(message));
      if (!answer) throw new MurkyError('MURKY_BUSY', 'Too many nodes compare with this one.');
      return encodeCompareAnswer(answer);
    });
  }

  /** Compares everything with one peer. False if it did not get to the end, or not all that is lacking was noted. */
  async compareWith(peer: Member): Promise<boolean> {
    const { survey, self } = this.seams;
    const digests = survey.digests(peer.id);
    const coarse = await this.#different(peer, { kind: 'digests', sender: self, digests: digests.coarse() });
    let whole = coarse !== undefined;
    for (const range of coarse ?? []) {
      const asked = { kind: 'digests', sender: self, coarse: range, digests: digests.fine(range) } as const;
      const leaves = await this.#different(peer, asked);
      if (!leaves) return false;
      for (const leaf of leaves) whole = (await this.#compareLeaf(peer, range * FAN_OUT + leaf)) && whole;
    }
    return whole;
  }

  async #different(peer: Member, message: Compare): Promise<readonly number[] | undefined> {
    for (let asked = 0; asked < MAX_LATER; asked++) {
      const answer = await this.#ask(peer, message);
      if (answer?.kind === 'different') return answer.places;
      if (answer?.kind !== 'later') return undefined;
      await sleep(this.seams.clock, ASK_AGAIN_MS, this.seams.signal);
    }
    return undefined;
  }

  /** Sends what this node holds in a leaf, one datagram after the other; the answers tell what it lacks. */
  async #compareLeaf(peer: Member, leaf: number): Promise<boolean> {
    const { survey, self, onLacking } = this.seams;
    const range = leafRange(leaf);
    const held = await survey.refresh(peer.id, leaf);
    let whole = true;
    for (let first = range.first, at = 0; ; ) {
      const holdings = held.slice(at, at + MAX_HOLDINGS);
      const last = at + MAX_HOLDINGS < held.length ? holdings.at(-1)!.id : range.last;
      const answer = await this.#ask(peer, { kind: 'list', sender: self, first, last, holdings });
      if (answer?.kind !== 'lacking') return false;
      const noted = await Promise.all(answer.holdings.map((holding) => onLacking(holding, peer.id)));
      whole &&= !noted.includes(false);
      if (answer.next !== undefined && answer.next <= first) return false; // would never end
      first = answer.next ?? last + 1n;
      if (first > range.last) return whole;
      while (at < held.length && held[at]!.id < first) at += 1;
    }
  }

  async #ask(peer: Member, message: Compare): Promise<CompareAnswer | undefined> {
    const { rain, clock, signal } = this.seams;
    await sleep(clock, PAUSE_MS, signal);
    try {
      const options = { timeoutMs: TIMEOUT_MS, signal };
      return decodeCompareAnswer(
        await rain.request(peer.address, RequestKind.Compare, encodeCompare(message), options),
      );
    } catch (error) {
      signal.throwIfAborted();
      if (!isMurkyError(error)) throw error;
      return undefined;
    }
  }

  async #answer(message: Compare): Promise<CompareAnswer> {
    const { survey, signal } = this.seams;
    if (message.kind === 'list') return this.#lackingAtSender(message);
    if (!survey.fresh) {
      survey.take(signal).catch(() => {}); // who asks again finds out
      return { kind: 'later' };
    }
    const digests = survey.digests(message.sender);
    const own = message.coarse === undefined ? digests.coarse() : digests.fine(message.coarse);
    return { kind: 'different', places: differences(own, message.digests) };
  }

  async #lackingAtSender({ sender, first, last, holdings }: Compare & { kind: 'list' }): Promise<CompareAnswer> {
    const { survey, onLacking } = this.seams;
    const theirs = new Map(holdings.map(({ id, version }) => [id, version]));
    const lacking: Holding[] = [];
    let next: bigint | undefined;
    for await (const own of survey.holdings(sender, first, last)) {
      const version = theirs.get(own.id);
      const order = version ? compareVersions(own.version, version) : 1;
      if (order > 0 && lacking.length === MAX_HOLDINGS) {
        next = own.id;
        break;
      }
      if (order > 0) lacking.push(own);
      if (order >= 0) theirs.delete(own.id); // what is left is lacking or older here
    }
    const end = next ?? last + 1n;
    const here = [...theirs].filter(([id]) => id >= first && id < end);
    await Promise.all(here.map(([id, version]) => onLacking({ id, version }, sender)));
    return { kind: 'lacking', holdings: lacking, ...(next !== undefined && { next }) };
  }
}
