import { createHash } from 'node:crypto';
import { randomBytes } from './random-bytes.js';
import {
  back,
  checksOf,
  degree,
  densePlaces,
  MAX_SMALL_K,
  mix32,
  referenceEncoder,
  repairRow,
  rowSource,
  smallCoefficient,
  sparseChecks,
} from './reference.js';

/** What two nodes must agree on, drawn out: test/vectors/codec.json is this function's value when it was frozen. */
export function vectors() {
  return {
    mix32: [0, 1, 2, 0x80000000, 0xffffffff].map((x) => [x, mix32(x)]),
    degree: [0, 21474835, 21474836, 2168958483, 2168958484, 4168339811, 4168339812, 0xffffffff].map((x) => [
      x,
      degree(x),
    ]),
    structures: [33, 64, 255, 781, 1024, 1025, 8192].map((k) => ({
      k,
      sparse: sparseChecks(k),
      rows: [0, 1, 2, 3, 31, 127, 128, 129, 254, 383, k - 1]
        .filter((i) => i < k)
        .map((i) => ({
          i,
          source: rowSource(k, i),
          back: back(k, i) ?? null,
          checks: checksOf(k, i),
          dense: densePlaces(k)[i],
        })),
      repair: [k, k + 1, k + 2, 65535, 65536, 16777215].map((esi) => ({ esi, ...repairRow(k, esi) })),
    })),
    smallCoefficients: [1, 2, 16, 32].map((k) => ({
      k,
      rows: [k, k + 1, 255, 256, 16777215].map((esi) => [
        esi,
        ...Array.from({ length: k }, (_, i) => smallCoefficient(k, esi, i)),
      ]),
    })),
    symbols: (
      [
        [1, 64],
        [7, 1344],
        [MAX_SMALL_K, 64],
        [33, 1344],
        [300, 192],
        [1025, 64],
      ] as const
    ).map(([k, symbolBytes]) => ({ k, symbolBytes, sha256: symbolDigest(k, symbolBytes, referenceEncoder) })),
  };
}

/** SHA-256 over repair symbols K .. K + 99 and the last one, of the block randomBytes(K * S - 1, K). */
export function symbolDigest(
  k: number,
  symbolBytes: number,
  encode: (block: Uint8Array, symbolBytes: number) => (esi: number) => Uint8Array,
): string {
  const symbol = encode(randomBytes(k * symbolBytes - 1, k), symbolBytes);
  const hash = createHash('sha256');
  for (let n = 0; n < 100; n++) hash.update(symbol(k + n));
  return hash.update(symbol(2 ** 24 - 1)).digest('hex');
}
