import { content } from '../store/objects.js';
import { freePort, NodeProcess } from './node-process.js';

const NODES = 3;
const KEYS_PER_WRITER = 50;
/** A kill falls this long, at most, after the put that brought it about. */
const MAX_DELAY_MS = 250;
/** By then a node that was down has been brought what it missed; its own replica may be old before (docs/consistency.md). */
const CAUGHT_UP_WITHIN_MS = 60_000;
/** How many nodes are killed at once, in turn: mostly one, now and then two, and all of them. */
const AT_ONCE = [1, 1, 2, 1, 1, 1, 3, 1];
const NUMBER_BYTES = 4;

export interface CrashSettings {
  readonly writers: number;
  /** Puts and kills are spread over one another. */
  readonly puts: number;
  readonly kills: number;
  readonly checkEveryKills: number;
  readonly seed: number;
}

interface Written {
  /** Number of the last put of this key that was acknowledged, and of the last that was tried. */
  acknowledged: number;
  tried: number;
}

/**
 * Three `murky serve` processes, one cluster; writers put objects through all of them, without a pause, while nodes are
 * killed with SIGKILL at random instants and started again. Every so many kills, and at the end, every acknowledged object
 * must be there whole, of the acknowledged version or a later one: from each node at once where a quorum is asked for,
 * and within a minute where the node is asked for what it holds itself.
 */
export class CrashCluster {
  readonly #written = new Map<string, Written>();
  /** What was lost, torn or had gone back. */
  readonly problems: string[] = [];
  puts = 0;
  acknowledged = 0;
  refused = 0;
  kills = 0;
  /** How often that many were killed at once. */
  readonly together = new Map<number, number>();
  checks = 0;
  caughtUpMs = 0;
  interrupted = false;
  #turn = 0;
  #state: number;

  private constructor(
    private readonly nodes: readonly NodeProcess[],
    private readonly settings: CrashSettings,
  ) {
    this.#state = settings.seed | 1;
  }

  static async start(settings: CrashSettings): Promise<CrashCluster> {
    const key = 'ab'.repeat(32);
    const ports = await Promise.all(Array.from({ length: NODES }, freePort));
    const nodes = await Promise.all(
      ports.map((rainPort) => {
        const peers = ports.filter((port) => port !== rainPort).map((port) => ({ host: '127.0.0.1', port }));
        return NodeProcess.start({ key, rainPort, peers });
      }),
    );
    await Promise.all(nodes.map((node) => node.meets(NODES - 1)));
    return new CrashCluster(nodes, settings);
  }

  async run(): Promise<void> {
    const { puts, kills, checkEveryKills } = this.settings;
    while (!this.interrupted && (this.puts < puts || this.kills < kills)) {
      await this.#killAndCheck(Math.min(checkEveryKills, Math.max(1, kills - this.kills)));
    }
  }

  summary(): string {
    const { puts, acknowledged, refused, kills, checks, problems } = this;
    const together = [2, 3].map((count) => `${this.together.get(count) ?? 0} times ${count}`).join(' and ');
    return (
      `${puts} puts (${acknowledged} acknowledged, ${refused} refused or cut off), ${kills} kills (${together} at once), ` +
      `${checks} objects looked at: ${problems.length} lost, torn or gone back; ` +
      `all nodes had all at most ${(this.caughtUpMs / 1000).toFixed(1)} s after the writes ended`
    );
  }

  /** Xorshift32 (Marsaglia 2003): below `limit`. What the processes do meanwhile is not of the seed. */
  #random(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  /** Kills `count` nodes under writers that do not stop for it, then stops them and looks at everything. */
  async #killAndCheck(count: number): Promise<void> {
    let stop = false;
    const writers = Array.from({ length: this.settings.writers }, async (_, writer) => {
      while (!stop) await this.#put(`writer-${writer}/${this.#random(KEYS_PER_WRITER)}`);
    });
    const until = this.kills + count;
    try {
      while (this.kills < until && !this.interrupted) await this.#kill();
    } finally {
      stop = true;
      await Promise.all(writers);
    }
    await this.#check();
  }

  async #kill(): Promise<void> {
    const { puts, kills } = this.settings;
    const due = this.puts + Math.max(1, Math.ceil((puts - this.puts) / Math.max(1, kills - this.kills)));
    while (this.puts < due) await pause(5);
    await pause(this.#random(MAX_DELAY_MS));
    const count = AT_ONCE[this.#turn++ % AT_ONCE.length]!;
    const first = this.#random(NODES);
    const victims = Array.from({ length: count }, (_, next) => this.nodes[(first + next) % NODES]!);
    await Promise.all(victims.map((victim) => victim.kill()));
    this.kills += count;
    this.together.set(count, (this.together.get(count) ?? 0) + 1);
    await Promise.all(victims.map((victim) => victim.start()));
    await Promise.all(this.nodes.map((node) => node.meets(NODES - 1)));
  }

  async #put(name: string): Promise<void> {
    const entry = this.#written.get(name) ?? { acknowledged: 0, tried: 0 };
    this.#written.set(name, entry);
    const number = ++this.puts;
    entry.tried = number;
    try {
      const answer = await this.nodes[this.#random(NODES)]!.put(name, contentOf(number));
      await answer.arrayBuffer();
      if (answer.status < 300) {
        entry.acknowledged = number;
        this.acknowledged++;
      } else this.refused++;
    } catch {
      this.refused++;
      await pause(10);
    }
  }

  async #check(): Promise<void> {
    await this.#lookAtAll('?consistency=quorum', 0);
    this.caughtUpMs = Math.max(this.caughtUpMs, await this.#lookAtAll('', CAUGHT_UP_WITHIN_MS));
  }

  /** All objects at all nodes, and those that are old once more until `patienceMs` are over; how long that took. */
  async #lookAtAll(query: string, patienceMs: number): Promise<number> {
    const since = Date.now();
    let slowest = 0;
    for (const [name, { acknowledged: least, tried }] of this.#written) {
      if (least === 0) continue;
      for (const [index, node] of this.nodes.entries()) {
        for (let tries = 1; ; tries++) {
          const found = await lookAt(node, name, query, least, tried).catch((error) => ({
            old: false,
            said: String(error),
          }));
          if (found?.old && Date.now() - since < patienceMs) {
            await pause(100);
            continue;
          }
          this.checks++;
          if (tries > 1) slowest = Date.now() - since;
          if (found) {
            this.problems.push(`${name + query} at node ${index + 1} after ${this.kills} kills: ${found.said}`);
          }
          break;
        }
      }
    }
    return slowest;
  }
}

/** What is wrong with an object, and whether it is merely older than it should be. */
async function lookAt(
  node: NodeProcess,
  name: string,
  query: string,
  least: number,
  tried: number,
): Promise<{ old: boolean; said: string } | undefined> {
  const answer = await fetch(node.url(name) + query);
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (answer.status !== 200) {
    return { old: answer.status === 404, said: `put ${least} was acknowledged, and the answer is ${answer.status}` };
  }
  const number = bytes.length >= NUMBER_BYTES ? bytes.readUInt32BE(0) : 0;
  if (!bytes.equals(contentOf(number))) return { old: false, said: `torn: ${bytes.length} bytes that nobody put` };
  if (number < least) return { old: true, said: `put ${least} was acknowledged, and put ${number} is there` };
  if (number > tried) return { old: false, said: `put ${number} is there, and ${tried} was the last` };
  return undefined;
}

/** The value of a put tells its number: small ones, some of several blocks. */
function contentOf(number: number): Buffer {
  const length = number % 20 === 0 ? 2 ** 20 * (1 + (number % 3)) + number : NUMBER_BYTES + ((number * 7919) % 60_000);
  const value = content(length, number);
  value.writeUInt32BE(number, 0);
  return value;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
