import type { Random } from '../../src/seam/random.js';

/** Lengths and counts lie at these values' edges. */
const EDGES = [0, 1, 2, 31, 32, 33, 127, 128, 254, 255];

/** One of the messages, changed, cut, lengthened and spliced in one to four places. */
export function mutated(messages: readonly Uint8Array[], random: Random): Buffer {
  const below = (limit: number) => Math.floor(random.unit() * limit);
  let bytes = Buffer.from(messages[below(messages.length)]!);
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
        const other = messages[below(messages.length)]!;
        bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(below(other.length + 1))]);
      }
    }
  }
  return bytes;
}
