/** What placement needs to know of a node. */
export interface Weighted {
  readonly id: bigint;
  readonly weight: number;
  /** Nodes of one zone fail together. Nodes without a zone form one. */
  readonly zone?: string;
}

/** What decides which nodes own something at a moment. */
export interface Candidate extends Weighted {
  /** Owns nothing until it takes the place of a node that is gone. */
  readonly standby?: boolean;
  /** Away for longer than the grace time: is passed over. */
  readonly gone?: boolean;
}

/** A place in the order of owners, and who has it: a standby node hashes as the node whose place it took. */
interface Seat<T> {
  readonly member: T;
  readonly id: bigint;
  readonly high: number;
  readonly low: number;
  readonly weight: number;
}

/**
 * Weighted rendezvous hashing over one view of the members (Thaler and Ravishankar, "Using name-based mappings to
 * increase hit rates", IEEE/ACM ToN 6(1), 1998), with the logarithmic method for weights: the score of a node is
 * -weight / ln(h), h its hash with the resource as a number between 0 and 1, so that each node is first with a
 * probability of its weight over the sum of weights. All nodes that know the same members agree, in whatever order they
 * know them. A node that comes or goes moves only what it gains or loses, with zones as well. Weight 0 owns nothing.
 */
export class Placement<T extends Candidate> {
  readonly #zones: readonly (readonly Seat<T>[])[];

  constructor(members: Iterable<T>) {
    const zones = new Map<string, Seat<T>[]>();
    for (const seat of seats([...members])) {
      const zone = seat.member.zone ?? '';
      zones.set(zone, [...(zones.get(zone) ?? []), seat]);
    }
    this.#zones = [...zones.values()];
  }

  /**
   * The `replicas` members that own a resource, best first. Zones hold the same number of them, as far as there are
   * nodes for it: the next owner is the best of those whose zone has the fewest so far.
   */
  owners(resource: bigint, replicas: number): T[] {
    const { high, low } = words(resource);
    const best = this.#zones.map((zone) => bestOf(zone, high, low, replicas));
    const owners: T[] = [];
    for (let round = 0; round < replicas && owners.length < replicas; round++) {
      const inRound = best.flatMap((zone) => zone[round] ?? []).sort(better);
      owners.push(...inRound.slice(0, replicas - owners.length).map(({ seat }) => seat.member));
    }
    return owners;
  }
}

interface Scored<T> {
  readonly seat: Seat<T>;
  readonly score: number;
}

function better<T>(a: Scored<T>, b: Scored<T>): number {
  return b.score - a.score || (a.seat.id < b.seat.id ? -1 : 1);
}

/** The `count` best of a zone, best first; made for many seats and a small count. */
function bestOf<T>(zone: readonly Seat<T>[], high: number, low: number, count: number): Scored<T>[] {
  const best: Scored<T>[] = [];
  for (const seat of zone) {
    const score = -seat.weight / Math.log(unitHash(seat.high, seat.low, high, low));
    const last = best.at(-1);
    if (last && best.length >= count && score < last.score) continue;
    best.push({ seat, score });
    best.sort(better);
    if (best.length > count) best.pop();
  }
  return best;
}

/** The owners of one resource; who asks for many makes a {@link Placement}. */
export function placeOn<T extends Candidate>(resource: bigint, members: Iterable<T>, replicas: number): T[] {
  return new Placement(members).owners(resource, replicas);
}

/** Owners that must hold a version before a write is acknowledged. An explicit number is never lowered. */
export function quorumOf(owners: number, writeQuorum: number | 'majority'): number {
  return writeQuorum === 'majority' ? Math.floor(owners / 2) + 1 : writeQuorum;
}

function seats<T extends Candidate>(members: readonly T[]): Seat<T>[] {
  const owning = members.filter(({ weight, standby }) => weight > 0 && !standby);
  const seatOf = (place: Weighted, member: T): Seat<T> => {
    return { member, id: place.id, ...words(place.id), weight: place.weight };
  };
  const replacements = standIns(
    owning.filter(({ gone }) => gone),
    members.filter(({ weight, standby, gone }) => weight > 0 && standby && !gone),
  );
  return owning.flatMap((member) => {
    const sitting = member.gone ? replacements.get(member) : member;
    return sitting ? [seatOf(member, sitting)] : [];
  });
}

/**
 * Which standby node takes which gone one's place: of its own zone where there is one, and else the pair that scores
 * highest, so that all who know the same members agree.
 */
function standIns<T extends Candidate>(gone: readonly T[], standby: readonly T[]): Map<T, T> {
  const pairs = gone.flatMap((place) =>
    standby.map((member) => {
      const [a, b] = [words(place.id), words(member.id)];
      return { place, member, near: place.zone === member.zone, score: unitHash(a.high, a.low, b.high, b.low) };
    }),
  );
  pairs.sort((a, b) => Number(b.near) - Number(a.near) || b.score - a.score);
  const replacements = new Map<T, T>();
  const taken = new Set<T>();
  for (const { place, member } of pairs) {
    if (replacements.has(place) || taken.has(member)) continue;
    replacements.set(place, member);
    taken.add(member);
  }
  return replacements;
}

function words(id: bigint): { high: number; low: number } {
  return { high: Number(id >> 32n) | 0, low: Number(id & 0xffffffffn) | 0 };
}

/**
 * 52 bits of a hash of node and resource, put in the middle of their step: never 0, never 1. Each half is MurmurHash3's
 * x86_32 (Appleby, 2011) of the four words, under a seed of its own. Not for defence: who may write may choose keys.
 */
function unitHash(nodeHigh: number, nodeLow: number, high: number, low: number): number {
  const a = murmur3(0x9747b28c, nodeHigh, nodeLow, high, low);
  const b = murmur3(0x5bd1e995, nodeHigh, nodeLow, high, low);
  return (a * 2 ** 20 + (b >>> 12) + 0.5) / 2 ** 52;
}

/** 32 bits of MurmurHash3_x86_32 of four words, each a little-endian block. */
export function murmur3(seed: number, first: number, second: number, third: number, fourth: number): number {
  let hash = mix(mix(mix(mix(seed, first), second), third), fourth) ^ 16; // bytes hashed
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function mix(hash: number, block: number): number {
  const k = Math.imul(rotateLeft(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593);
  return (Math.imul(rotateLeft(hash ^ k, 13), 5) + 0xe6546b64) | 0;
}

function rotateLeft(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
