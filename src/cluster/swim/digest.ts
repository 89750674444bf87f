import type { Belief } from '../member-record.js';

/**
 * A hash of a set of members that does not depend on their order, kept up to date change by change: the sum of a hash
 * of each (murmur3's finaliser). Suspicion is left out, as it passes; those that have left are, as they are forgotten.
 */
export class Digest {
  #high = 0;
  #low = 0;

  add(id: bigint, belief: Belief): void {
    this.#fold(id, belief, 1);
  }

  remove(id: bigint, belief: Belief): void {
    this.#fold(id, belief, -1);
  }

  /** With one more in it. */
  with(id: bigint, belief: Belief): bigint {
    this.add(id, belief);
    const { value } = this;
    this.remove(id, belief);
    return value;
  }

  /** Never 0, which means that there is nothing to compare. */
  get value(): bigint {
    const value = (BigInt(this.#high >>> 0) << 32n) | BigInt(this.#low >>> 0);
    return value === 0n ? 1n : value;
  }

  #fold(id: bigint, { incarnation, status }: Belief, sign: 1 | -1): void {
    if (status === 'left') return;
    const away = status === 'away' ? 0x9e3779b9 : 0;
    const a = Number(id >> 32n) | 0;
    const b = Number(id & 0xffffffffn) | 0;
    const high = mix(a ^ mix(b ^ mix(incarnation ^ away)));
    const low = mix(b ^ mix(a ^ mix(incarnation + 0x7f4a7c15 + away)));
    this.#high = (this.#high + sign * high) | 0;
    this.#low = (this.#low + sign * low) | 0;
  }
}

function mix(word: number): number {
  let h = word | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
