import { isMurkyError, MurkyError } from '../errors.js';
import { compareVersions } from '../object/version.js';
import type { Address, Located, LookupAnswer, RainNetwork } from '../rain/contract.js';
import { nameOf } from '../rain/naming.js';
import type { Owners } from './ownership.js';
import type { Member } from './peers.js';
import type { Poll } from './poll.js';

interface LookupsSeams {
  readonly rain: RainNetwork;
  readonly owners: (id: bigint) => Owners;
  /** An owner has an older version than another node, or none. */
  readonly onBehind: (id: bigint) => void;
  /** What the owners say that they hold. */
  readonly poll: (id: bigint, patienceMs: number, signal?: AbortSignal) => Promise<Poll>;
  /** Peers that answer and are no owners. */
  readonly bystanders: (id: bigint) => Member[];
}

/** A glance at the owners does not wait longer than this for one that may be dead. */
const GLANCE_MS = 300;
const GLANCE_ROUND_TRIPS = 3;
const LOCATE_TIMEOUT_MS = 2000;

/** Asks other nodes what they have of a resource. */
export class Lookups {
  constructor(private readonly seams: LookupsSeams) {}

  /** The newest version at the owners that answer quickly, tombstones too. Never rejects but for an abort. */
  async glance(id: bigint, signal?: AbortSignal): Promise<LookupAnswer | undefined> {
    const owners = this.seams.owners(id).others.filter((owner) => owner.state === 'alive');
    const answers = await Promise.all(
      owners.map((owner) =>
        this.#ask(owner, id, Math.max(GLANCE_MS, GLANCE_ROUND_TRIPS * (owner.roundTripMs ?? 0)), signal),
      ),
    );
    const found = answers.flatMap((answer) => (answer?.found ? [answer] : []));
    return found.sort((a, b) => compareVersions(b.version, a.version))[0];
  }

  /**
   * The newest version among the owners that answer, among all other peers if no owner has any; undefined if so many
   * owners say that there is none that no acknowledged write can have missed all of them (read and write quorums
   * overlap: Gifford, "Weighted voting for replicated data", SOSP 1979). MURKY_NO_SERVER if too few answer to tell,
   * MURKY_BLOCK_CORRUPT if all of them answer and one has lost what it held.
   */
  async find(id: bigint, signal?: AbortSignal, key?: string): Promise<Located | undefined> {
    const what = nameOf(id, key);
    const owners = this.seams.owners(id);
    const alive = owners.others.filter((owner) => owner.state === 'alive');
    const atOwners = await this.#locate(id, alive, signal);
    const located = atOwners ?? (await this.#locate(id, this.seams.bystanders(id), signal));
    if (located && (!atOwners || located.others.length > 0)) this.seams.onBehind(id);
    if (located) return located;
    const { count, answered, complete, exhausted, newest } = await this.seams.poll(id, LOCATE_TIMEOUT_MS, signal);
    if ((complete && !newest) || count === 0) return undefined;
    if (exhausted && !newest) {
      throw new MurkyError(
        'MURKY_BLOCK_CORRUPT',
        `What an owner of ${what} held is damaged, and no other node has it.`,
        { hint: 'Put the object again, or delete it.', facts: { resource: String(id), owners: count, answered } },
      );
    }
    throw new MurkyError(
      'MURKY_NO_SERVER',
      newest
        ? `The owners of ${what} came to hold it only just now.`
        : `Only ${answered} of the ${count} owners of ${what} could be asked for it.`,
      {
        hint: 'Try again when more nodes can be reached; "murky status" shows who is away.',
        facts: { resource: String(id), owners: count, answered },
      },
    );
  }

  /** Peers that may hold a version, those that probably do first. */
  candidates(id: bigint): Address[] {
    const owners = this.seams.owners(id).others.filter((owner) => owner.state === 'alive');
    return [...owners, ...this.seams.bystanders(id)].map((member) => member.address);
  }

  async #locate(id: bigint, peers: readonly Member[], signal?: AbortSignal): Promise<Located | undefined> {
    if (peers.length === 0) return undefined;
    try {
      const addresses = peers.map((peer) => peer.address);
      return await this.seams.rain.locate(id, addresses, { timeoutMs: LOCATE_TIMEOUT_MS, ...(signal && { signal }) });
    } catch (error) {
      if (isMurkyError(error, 'MURKY_NO_SERVER')) return undefined;
      throw error;
    }
  }

  async #ask(
    peer: Member,
    id: bigint,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<LookupAnswer | undefined> {
    try {
      return await this.seams.rain.lookup(peer.address, id, { timeoutMs, ...(signal && { signal }) });
    } catch {
      signal?.throwIfAborted();
      return undefined;
    }
  }
}
