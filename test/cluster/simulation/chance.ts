import type { Random } from '../../../src/seam/random.js';
import { Seeded } from '../../store/simulation/seeded.js';

/** Chances of a seed. */
export class Chance extends Seeded implements Random {
  constructor(private readonly seed: number) {
    super(seed);
  }

  /** Chances of their own for one part of what the seed drives: what one part draws does not disturb the others. */
  part(part: number): Chance {
    return new Chance(Math.imul(this.seed ^ Math.imul(part + 1, 0xc2b2ae35), 0x85ebca6b) ^ part);
  }

  bits64(): bigint {
    return (BigInt(this.below(2 ** 32)) << 32n) | BigInt(this.below(2 ** 32));
  }

  between(low: number, high: number): number {
    return low + this.unit() * (high - low);
  }

  /** `low` to `high`, both included. */
  whole(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new Error('There is nothing to pick from.');
    return from[this.below(from.length)] as T;
  }

  /** Some of them, in another order. */
  some<T>(from: readonly T[], count: number): T[] {
    const left = [...from];
    const taken: T[] = [];
    while (taken.length < count && left.length > 0) taken.push(...left.splice(this.below(left.length), 1));
    return taken;
  }
}
