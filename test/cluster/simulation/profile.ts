import type { Break } from './breaks.js';
import type { Chance } from './chance.js';

export const BLOCK_BYTES = 20_000;
export const REPLICAS = 3;
const READS_BROKEN: readonly (Break | undefined)[] = ['garble-reads', 'hang-operation', 'unnamed-error'];

/** What a seed does: how large the cluster is, what its clients do, and which faults it meets. */
export interface Profile {
  readonly nodes: number;
  readonly keys: number;
  readonly writes: number;
  readonly reads: number;
  /** How long clients and faults go on. */
  readonly durationMs: number;
  /** Budget of each node's store. */
  readonly maxBytes: number;
  readonly graceSeconds: number;
  readonly retentionMs: number;
  /** Most that a datagram of a bad link is likely to be lost; 0 if none is. */
  readonly loss: number;
  readonly duplication: number;
  readonly delayMs: number;
  /** Wall clocks are off by as much at most, and step; monotonic ones gain or lose `drift`. */
  readonly skewMs: number;
  readonly drift: number;
  /** Faults of each kind. */
  readonly partitions: number;
  readonly crashes: number;
  readonly pauses: number;
  readonly wipes: number;
  readonly rots: number;
  readonly joins: number;
  readonly leaves: number;
  /** In the peace after the faults: clients write more than fits. */
  readonly fill: boolean;
  /** In the peace after the faults: an owner is away while an object is deleted. */
  readonly sleeper: boolean;
  /** In the peace after the faults: a put, and then all machines lose their power at once. */
  readonly blackout: boolean;
  /** In the peace after the faults: a node joins, and what moves is counted. */
  readonly grow: boolean;
  /** In the peace after the faults: a value of several blocks is written, and read at every node. */
  readonly witness: boolean;
  /** All nodes lose their power at once. */
  readonly powerCut: boolean;
}

function sizeOf(chance: Chance): number {
  const kind = chance.unit();
  if (kind < 0.5) return 3;
  if (kind < 0.87) return chance.whole(4, 5);
  if (kind < 0.975) return chance.whole(6, 10);
  if (kind < 0.99) return chance.whole(11, 40);
  return Math.floor(100 * 3 ** (chance.unit() ** 2)); // 100 to 300, 142 in the mean
}

export function profileOf(chance: Chance, wanted: { nodes?: number | undefined; broken?: Break | undefined }): Profile {
  const drawn = sizeOf(chance);
  const nodes = wanted.nodes ?? drawn;
  // A datagram of a large cluster costs no less, and there are many: such a seed is short.
  const large = nodes > 40;
  const upTo = (probability: number, most: number) => (chance.chance(probability) ? chance.whole(1, most) : 0);
  const fill = chance.chance(0.15);
  return {
    nodes,
    keys: chance.whole(3, 8),
    writes: chance.whole(12, 36),
    reads: chance.whole(8, 20),
    durationMs: chance.between(5000, large ? 6000 : 16_000),
    maxBytes: (fill || wanted.broken === 'overrun-budget' ? 60 : 400) * BLOCK_BYTES,
    graceSeconds: chance.pick([5, 15, 600]),
    retentionMs: chance.pick([2000, 60_000]),
    loss: chance.chance(0.6) ? chance.pick([0.01, 0.1, 0.3, 0.5]) : 0,
    duplication: chance.chance(0.4) ? 0.2 : 0,
    delayMs: chance.pick([1, 5, 20, 80]),
    skewMs: chance.chance(0.7) ? 3_600_000 : 0,
    drift: chance.chance(0.4) ? 0.01 : 0,
    partitions: upTo(0.6, 3),
    crashes: upTo(0.6, 4),
    pauses: upTo(0.4, 3),
    wipes: upTo(0.3, 2),
    rots: upTo(0.3, 3),
    joins: upTo(0.3, 2),
    leaves: nodes > REPLICAS ? upTo(0.25, 2) : 0,
    fill: (fill && !large) || wanted.broken === 'overrun-budget',
    sleeper: chance.chance(0.2) || wanted.broken === 'resurrect-delete',
    blackout: chance.chance(0.1) || wanted.broken === 'lose-acknowledged-write',
    grow: chance.chance(0.2) || wanted.broken === 'move-too-much',
    witness: chance.chance(0.2) || READS_BROKEN.includes(wanted.broken),
    powerCut: chance.chance(0.15),
  };
}
