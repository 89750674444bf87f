import { resourceId } from '../../../../src/object/key.js';
import { REPLICAS } from '../profile.js';
import type { Server } from '../server.js';
import { Violation } from '../violation.js';
import { copyOn } from './copies.js';

const MOST_IDS = 1000;
const LEAST_IDS = 200;
const HASHES = 100_000;
/** Of its fair share; the other part of the bound is chance, as ids and node ids are hashed. */
const TOLERANCE = 1.05;
/** Standard deviations beyond that: one join in three million is over them by chance. */
const DEVIATIONS = 5;

type Owners = ReadonlyMap<bigint, ReadonlySet<bigint>>;

/**
 * When a node joins M others it takes 1/(M+1) of what there is, and nothing else moves: shown on the owners of many ids
 * before and after, and on the bytes that went over the network meanwhile.
 */
export class MovedObjects {
  readonly #ids: readonly bigint[];
  readonly #before: Owners;
  readonly #bytesBefore: number;
  readonly #nodesBefore: number;

  /** Just before the join, in a cluster at rest. */
  constructor(
    private readonly servers: readonly Server[],
    private readonly keys: readonly string[],
  ) {
    const present = servers.filter((server) => !server.gone);
    this.#nodesBefore = present.length;
    const count = Math.min(MOST_IDS, Math.max(LEAST_IDS, Math.floor(HASHES / present.length)));
    this.#ids = Array.from({ length: count }, (_, i) => resourceId(`sample-${i}`));
    this.#before = ownersOf(this.#ids, present[0]!);
    this.#bytesBefore = fetchedBytes(servers);
  }

  /** At rest again. Returns the share of the objects' copies that moved. */
  check(joined: Server): number {
    const reference = this.servers.find((server) => !server.gone)!;
    const id = joined.running!.id;
    const after = ownersOf(this.#ids, reference);
    let moved = 0;
    for (const [object, owners] of after) {
      const came = [...owners].filter((owner) => !this.#before.get(object)!.has(owner));
      if (came.some((owner) => owner !== id)) {
        throw new Violation('moved objects', `Object ${object} moved between two nodes that were there before.`);
      }
      moved += came.length;
    }
    const copies = Math.min(REPLICAS, this.#nodesBefore + 1);
    const share = moved / (this.#ids.length * copies);
    const fair = 1 / (this.#nodesBefore + 1);
    const chance = Math.min(1, copies * fair);
    const deviation = Math.sqrt((chance * (1 - chance)) / this.#ids.length) / copies;
    const bound = TOLERANCE * fair + DEVIATIONS * deviation;
    if (share > bound) {
      const [is, most] = [share, bound].map((part) => (100 * part).toFixed(1));
      const text = `Node ${joined.n} took ${is} % of the copies when it joined ${this.#nodesBefore} others; at most ${most} % may move.`;
      throw new Violation('moved objects', text);
    }
    this.#checkBytes(joined);
    return share;
  }

  #checkBytes(joined: Server): void {
    let due = 0;
    for (const key of this.keys) {
      if (!joined.running!.cluster.owners(resourceId(key)).self) continue;
      due += copyOn(joined, key)?.size ?? 0;
    }
    const moved = fetchedBytes(this.servers) - this.#bytesBefore;
    if (moved > due) {
      throw new Violation('moved objects', `${moved} bytes moved when node ${joined.n} joined; ${due} were to move.`);
    }
  }
}

function ownersOf(ids: readonly bigint[], server: Server): Owners {
  const { cluster, id: own } = server.running!;
  return new Map(
    ids.map((id) => {
      const { self, others } = cluster.owners(id);
      return [id, new Set([...(self ? [own] : []), ...others.map((owner) => owner.id)])];
    }),
  );
}

function fetchedBytes(servers: readonly Server[]): number {
  return servers.reduce((sum, { running }) => sum + (running?.rain.fetchedBytes ?? 0), 0);
}
