import { randomBytes } from 'node:crypto';

/** Randomness as the logic sees it. The simulation injects a seeded one. */
export interface Random {
  /** Uniform in [0, 1). */
  unit(): number;
  /** A uniform unsigned 64-bit integer. */
  bits64(): bigint;
}

export const systemRandom: Random = {
  unit: () => Math.random(),
  bits64: () => randomBytes(8).readBigUInt64BE(),
};
