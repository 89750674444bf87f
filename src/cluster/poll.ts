import { isMurkyError } from '../errors.js';
import type { Manifest } from '../object/manifest.js';
import { compareVersions, type Version } from '../object/version.js';
import { type RainNetwork, RequestKind } from '../rain/contract.js';
import { decodeLookup, decodeLookupAnswer, encodeLookup, encodeLookupAnswer } from '../rain/lookup.js';
import type { Store } from '../store/contract.js';
import { notMeant } from './not-meant.js';
import { OctetReader, u64 } from './octets.js';
import type { Owners } from './ownership.js';
import type { Member } from './peers.js';
import { askQuorumOf, writesMeet } from './quorum.js';

/** What the owners of a resource say that they hold. */
export interface Poll {
  /** Owners that there are, that told what they hold, and that had to, to tell of every acknowledged write. */
  readonly count: number;
  readonly answered: number;
  readonly needed: number;
  /** So many did. */
  readonly complete: boolean;
  /** All did whose records are not damaged: no more is to be learned, and the object has to be writable anew. */
  readonly exhausted: boolean;
  /** False where write quorums are so small that two of them need not share an owner. */
  readonly orderable: boolean;
  /** The newest version that one of them holds, tombstones too. */
  readonly newest?: HeldVersion;
  /** Owners that hold that very version durably. */
  readonly holders: Holders;
}

export interface HeldVersion {
  readonly version: Version;
  readonly tombstone: boolean;
  /** Where it fitted into an answer. */
  readonly manifest?: Manifest;
}

export interface Holders {
  /** This node is an owner and holds it. */
  readonly self: boolean;
  readonly others: readonly Member[];
}

interface PollSeams {
  readonly rain: RainNetwork;
  readonly store: Store;
  readonly owners: (id: bigint) => Owners;
}

/** 'damaged': this owner cannot tell any more what it had. 'silent': no answer in time. */
type Reply = { readonly held: HeldVersion | undefined } | 'damaged' | 'silent';

interface Question {
  /** Undefined: this node itself. */
  readonly owner: Member | undefined;
  readonly reply: Promise<Reply>;
}

/** With a majority known to be away no more than a glance is taken, in case it is back. */
const GLANCE_MS = 300;

/**
 * The first phase of quorum reads and of all writes (Attiya, Bar-Noy, Dolev, "Sharing memory robustly in message-passing
 * systems", JACM 42(1), 1995; Lynch, Shvartsman, FTCS 1997): asks all owners, and is done when enough have answered.
 * Only replicas are told of: a cached copy can be evicted, and nobody was promised that it stays.
 */
export class Polls {
  constructor(
    /** Id of this node. */
    self: bigint,
    private readonly writeQuorum: number | 'majority',
    private readonly seams: PollSeams,
  ) {
    seams.rain.onRequest(RequestKind.Held, async (payload) => {
      const { to, id } = decodeHeld(payload);
      if (to !== self) throw notMeant('A HELD');
      return encodeLookupAnswer(await this.#replica(id));
    });
  }

  /** Never rejects but for an abort: `complete` tells whether enough owners answered within `patienceMs`. */
  async ask(id: bigint, patienceMs: number, signal?: AbortSignal): Promise<Poll> {
    const { self, others } = this.seams.owners(id);
    const count = others.length + (self ? 1 : 0);
    const wanted = askQuorumOf(count, this.writeQuorum);
    const alive = others.filter((owner) => owner.state === 'alive').length + (self ? 1 : 0);
    const timeoutMs = alive >= wanted ? patienceMs : Math.min(patienceMs, GLANCE_MS);
    const enough = new AbortController();
    const asking = { timeoutMs, signal: signal ? AbortSignal.any([signal, enough.signal]) : enough.signal };
    const questions: Question[] = others.map((owner) => ({ owner, reply: this.#askOther(owner, id, asking) }));
    if (self) questions.push({ owner: undefined, reply: this.#askSelf(id) });
    const tally = new Tally(count, wanted, writesMeet(count, this.writeQuorum));
    await tally.gather(questions);
    enough.abort();
    signal?.throwIfAborted();
    return tally.result();
  }

  async #askOther(owner: Member, id: bigint, asking: { timeoutMs: number; signal: AbortSignal }): Promise<Reply> {
    try {
      const answer = await this.seams.rain.request(owner.address, RequestKind.Held, encodeHeld(owner.id, id), asking);
      const held = decodeLookupAnswer(answer, id);
      return { held: held.found ? held : undefined };
    } catch (error) {
      return isMurkyError(error, 'MURKY_BLOCK_CORRUPT') ? 'damaged' : 'silent';
    }
  }

  async #askSelf(id: bigint): Promise<Reply> {
    try {
      const manifest = await this.#replica(id);
      return { held: manifest && { ...manifest, manifest } };
    } catch (error) {
      return isMurkyError(error, 'MURKY_BLOCK_CORRUPT') ? 'damaged' : 'silent';
    }
  }

  async #replica(id: bigint): Promise<Manifest | undefined> {
    const { store } = this.seams;
    const manifest = await store.current(id);
    return manifest && (await store.role(id)) === 'replica' ? manifest : undefined;
  }
}

/** Node id of the owner (8), then as in a LOOKUP. */
export function encodeHeld(to: bigint, id: bigint): Buffer {
  return Buffer.concat([u64(to), encodeLookup(id)]);
}

export function decodeHeld(payload: Uint8Array): { to: bigint; id: bigint } {
  const to = new OctetReader(payload, 'A HELD').u64();
  return { to, id: decodeLookup(payload.subarray(8)) };
}

/** Counts replies until they are enough, or all are there. */
class Tally {
  #answered = 0;
  #damaged = 0;
  #newest: HeldVersion | undefined;
  readonly #held: { owner: Member | undefined; version: Version }[] = [];

  constructor(
    private readonly count: number,
    private readonly needed: number,
    private readonly orderable: boolean,
  ) {}

  gather(questions: readonly Question[]): Promise<void> {
    return new Promise((resolve) => {
      let open = questions.length;
      if (open === 0) resolve();
      for (const { owner, reply } of questions) {
        void reply.then((answer) => {
          open -= 1;
          this.#take(owner, answer);
          if (open === 0 || this.#answered >= this.needed) resolve();
        });
      }
    });
  }

  result(): Poll {
    const newest = this.#newest;
    const holding = this.#held.filter(({ version }) => newest && compareVersions(version, newest.version) === 0);
    return {
      count: this.count,
      answered: this.#answered,
      needed: this.needed,
      complete: this.#answered >= this.needed,
      exhausted: this.#damaged > 0 && this.#answered + this.#damaged === this.count,
      orderable: this.orderable,
      ...(newest && { newest }),
      holders: {
        self: holding.some(({ owner }) => owner === undefined),
        others: holding.flatMap(({ owner }) => owner ?? []),
      },
    };
  }

  #take(owner: Member | undefined, reply: Reply): void {
    if (reply === 'damaged') this.#damaged += 1;
    if (typeof reply === 'string') return;
    this.#answered += 1;
    const { held } = reply;
    if (!held) return;
    this.#held.push({ owner, version: held.version });
    if (!this.#newest || compareVersions(held.version, this.#newest.version) > 0) this.#newest = held;
  }
}
