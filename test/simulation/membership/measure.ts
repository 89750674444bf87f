import { PERIOD_MS } from '../../../src/cluster/swim/swim-membership.js';
import { Crowd } from './crowd.js';

export interface Figures {
  readonly nodes: number;
  /** Sent by a node in a second with IP headers, the median of all nodes, while nothing happens. */
  readonly quietBytesPerSecond: number;
  readonly quietDatagramsPerSecond: number;
  /** Sent by a node in a second from a failure until all know of it, the median of all nodes. */
  readonly failureBytesPerSecond: number;
  /** From each failure until the last node counts it as away. */
  readonly periods: readonly number[];
  /** Nodes that ran and were taken to be away by some node. */
  readonly slandered: number;
}

const QUIET_MS = 20_000;
const LIMIT_MS = 30_000;

/** Lets nodes of a crowd fail one after the other, and measures when all others know, and what it took. */
export async function measure(nodes: number, failures: number, loss: number, seed: number): Promise<Figures> {
  const crowd = await Crowd.of(nodes, seed);
  crowd.loss = loss;
  let slandered = 0;
  const dead = new Set<bigint>();
  for (const node of crowd.nodes.values()) {
    node.membership.on((event) => {
      if (event.kind === 'away' && !dead.has(event.member.id)) slandered += 1;
    });
  }
  const quiet = await traffic(crowd, () => crowd.time.run(QUIET_MS));
  const periods: number[] = [];
  const loud: number[] = [];
  for (let i = 0; i < failures; i++) {
    const running = [...crowd.nodes.keys()].filter((n) => n !== 1);
    const victim = await crowd.kill(running[Math.floor(crowd.random.unit() * running.length)]!);
    dead.add(victim.id);
    const from = crowd.time.now;
    const unaware = new Set(crowd.nodes.values());
    const known = () => {
      for (const node of unaware) {
        if (node.stateOf(victim.id) !== 'away') return false;
        unaware.delete(node);
      }
      return true;
    };
    const { bytes } = await traffic(crowd, () => crowd.time.run(LIMIT_MS, known));
    loud.push(bytes);
    periods.push(unaware.size > 0 ? Number.POSITIVE_INFINITY : (crowd.time.now - from) / PERIOD_MS);
    await crowd.time.run(5000 + 1000 * crowd.random.unit());
  }
  await crowd.closeAll();
  const { bytes, datagrams } = quiet;
  return {
    nodes,
    quietBytesPerSecond: bytes,
    quietDatagramsPerSecond: datagrams,
    failureBytesPerSecond: median(loud),
    periods,
    slandered,
  };
}

/** What the median node sends in a second of `run`. */
async function traffic(crowd: Crowd, run: () => Promise<void>): Promise<{ bytes: number; datagrams: number }> {
  const from = crowd.time.now;
  for (const node of crowd.nodes.values()) {
    node.sentBytes = 0;
    node.sentDatagrams = 0;
  }
  await run();
  const seconds = (crowd.time.now - from) / 1000;
  const all = [...crowd.nodes.values()];
  return {
    bytes: median(all.map(({ sentBytes }) => sentBytes)) / seconds,
    datagrams: median(all.map(({ sentDatagrams }) => sentDatagrams)) / seconds,
  };
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}
