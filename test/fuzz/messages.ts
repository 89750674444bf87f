// The decoders that are written in TypeScript (manifest, lookup, cluster messages), fed for --seconds=N (60) with
// messages that were changed, cut, lengthened and spliced. What a decoder takes is encoded back to the same bytes; what it
// does not take it refuses with MURKY_BAD_MESSAGE, and with nothing else. The seed is printed, so that a run can be
// repeated: --seed=N.

import { isMurkyError } from '../../src/errors.js';
import { seededRandom } from '../simulation/virtual-clock.js';
import { decoders } from './decoders.js';

const option = (name: string) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? undefined;
const seconds = Number(option('seconds') ?? 60);
const seed = Number(option('seed') ?? Date.now() % 2 ** 32);
const random = seededRandom(seed);
const below = (limit: number) => Math.floor(random.unit() * limit);

/** Lengths and counts lie at these values' edges. */
const EDGES = [0, 1, 2, 31, 32, 33, 127, 128, 254, 255];

function mutated(examples: readonly Uint8Array[]): Buffer {
  let bytes = Buffer.from(examples[below(examples.length)]!);
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = below(bytes.length + 1);
    switch (below(6)) {
      case 0:
        if (at < bytes.length) bytes[at]! ^= 1 << below(8);
        break;
      case 1:
        if (at < bytes.length) bytes[at] = EDGES[below(EDGES.length)]!;
        break;
      case 2:
        bytes = bytes.subarray(0, at);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(1 + below(40), below(256)), bytes.subarray(at)]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + 1 + below(9)))]);
        break;
      default: {
        const other = examples[below(examples.length)]!;
        bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(below(other.length + 1))]);
      }
    }
  }
  return bytes;
}

console.log(`seed ${seed}`);
const end = Date.now() + seconds * 1000;
const counts = new Map(decoders.map(({ name }) => [name, { tried: 0, taken: 0 }]));
while (Date.now() < end) {
  for (const { name, examples, again } of decoders) {
    const count = counts.get(name)!;
    for (let i = 0; i < 200; i++) {
      const bytes = mutated(examples);
      count.tried++;
      try {
        const written = again(bytes);
        count.taken++;
        if (written && !bytes.equals(written)) throw new Error(`came back as ${Buffer.from(written).toString('hex')}`);
      } catch (error) {
        if (isMurkyError(error, 'MURKY_BAD_MESSAGE')) continue;
        console.error(`${name}: ${bytes.toString('hex')}`);
        throw error;
      }
    }
  }
}
for (const [name, { tried, taken }] of counts) console.log(`${name}: ${tried} tried, ${taken} taken`);
