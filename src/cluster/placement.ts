import { createHash } from 'node:crypto';

/** What placement needs to know of a node. */
export interface Weighted {
  readonly id: bigint;
  readonly weight: number;
}

/**
 * The `replicas` nodes that own a resource, best first: weighted rendezvous hashing (Thaler and Ravishankar, "Using
 * name-based mappings to increase hit rates", IEEE/ACM ToN 6(1), 1998), with the logarithmic method for weights:
 * a node's score is -weight / ln(h), h its hash with the resource as a number between 0 and 1, so that each node is
 * first with a probability of its weight over the sum of weights. All nodes that know the same members agree, in
 * whatever order they know them; a node that comes or goes moves only what it gains or loses. Weight 0 owns nothing.
 */
export function placeOn<T extends Weighted>(resource: bigint, members: Iterable<T>, replicas: number): T[] {
  const scored: { member: T; score: number }[] = [];
  for (const member of members) {
    if (member.weight > 0) scored.push({ member, score: -member.weight / Math.log(unitHash(resource, member.id)) });
  }
  scored.sort((a, b) => b.score - a.score || (a.member.id < b.member.id ? -1 : 1));
  return scored.slice(0, replicas).map(({ member }) => member);
}

/** 52 bits of SHA-256(node id, resource id), big-endian, put in the middle of their step: never 0, never 1. */
function unitHash(resource: bigint, node: bigint): number {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64BE(node, 0);
  bytes.writeBigUInt64BE(resource, 8);
  const hash = createHash('sha256').update(bytes).digest();
  return (Number(hash.readBigUInt64BE(0) >> 12n) + 0.5) / 2 ** 52;
}

/** Owners that must hold a version before a write is acknowledged. An explicit number is never lowered. */
export function quorumOf(owners: number, writeQuorum: number | 'majority'): number {
  return writeQuorum === 'majority' ? Math.floor(owners / 2) + 1 : writeQuorum;
}
