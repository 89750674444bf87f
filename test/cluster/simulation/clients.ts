import { isMurkyError } from '../../../src/errors.js';
import type { VirtualTime } from '../../simulation/virtual-clock.js';
import type { Chance } from './chance.js';
import type { AcknowledgedWrites } from './checkers/acknowledged-writes.js';
import type { Reads } from './checkers/reads.js';
import { type History, valueWritten } from './history.js';
import { BLOCK_BYTES, type Profile } from './profile.js';
import type { Server } from './server.js';
import type { Trace } from './trace.js';
import { Violation } from './violation.js';

interface Scene {
  readonly time: VirtualTime;
  readonly trace: Trace;
  readonly chance: Chance;
  readonly profile: Profile;
  readonly servers: readonly Server[];
  readonly history: History;
  readonly writes: AcknowledgedWrites;
  readonly reads: Reads;
  readonly fail: (error: unknown) => void;
}

const DELETES = 0.2;

/** Puts, gets and deletes at random nodes, many at once. */
export class Clients {
  readonly counts = { puts: 0, deletes: 0, gets: 0, acknowledged: 0, refused: 0 };
  /** Operations that have begun and not ended, by the server that they wait for. */
  readonly #waiting = new Map<string, Server['machine']>();

  constructor(private readonly scene: Scene) {}

  get keys(): string[] {
    return Array.from({ length: this.scene.profile.keys }, (_, i) => `key-${i}`);
  }

  plan(): void {
    const { profile, chance, time } = this.scene;
    const at = (run: () => void) => void time.after(chance.unit() * profile.durationMs, run);
    for (let i = 0; i < profile.writes; i++) at(() => this.write());
    for (let i = 0; i < profile.reads; i++) at(() => void this.read(this.#anyone(), chance.pick(this.keys)));
  }

  /** One put or delete of one key, at a node that runs. */
  write(key = this.scene.chance.pick(this.keys)): void {
    const { chance } = this.scene;
    const server = this.#anyone();
    if (!server) return;
    if (chance.chance(DELETES)) void this.delete(server, key);
    else void this.put(server, key, this.#size());
  }

  put(server: Server, key: string, size: number): Promise<void> {
    this.counts.puts += 1;
    return this.#write(server, key, 'put', size);
  }

  delete(server: Server, key: string): Promise<void> {
    this.counts.deletes += 1;
    return this.#write(server, key, 'delete', 0);
  }

  /** The size of the value that was read, 'nothing' if there is none, undefined if that cannot be told. */
  async read(server: Server | undefined, key: string): Promise<'value' | 'nothing' | undefined> {
    const { trace, reads } = this.scene;
    if (!server) return undefined;
    const name = `get of "${key}" at node ${server.n}`;
    this.counts.gets += 1;
    return await this.#operation(server, name, async () => {
      try {
        const { manifest, value } = await server.get(key);
        reads.check(key, server.n, manifest.version, value);
        trace.say(`${name}: ${value.length} bytes`);
        return 'value';
      } catch (error) {
        if (!isMurkyError(error)) throw error;
        trace.say(`${name}: ${error.code}`);
        return error.code === 'MURKY_NOT_FOUND' ? 'nothing' : undefined;
      }
    });
  }

  /** An operation that has not ended, though the node that it was asked of has run ever since. */
  get hanging(): string | undefined {
    for (const [name, machine] of this.#waiting) if (machine && !machine.dead) return name;
    return undefined;
  }

  async #write(server: Server, key: string, kind: 'put' | 'delete', size: number): Promise<void> {
    const { time, trace, history, writes } = this.scene;
    const write = history.begin({ key, kind, size, node: server.n, begunAtMs: time.now });
    const name = `write ${write.number} (${kind} of "${key}", ${size} bytes) at node ${server.n}`;
    trace.say(`${name} begins`);
    await this.#operation(server, name, async () => {
      try {
        const done = await (kind === 'put' ? server.put(key, valueWritten(write)) : server.delete(key));
        write.version = done.manifest.version;
        write.quorum = done.quorum;
        write.outcome = 'acknowledged';
        this.counts.acknowledged += 1;
        writes.onAcknowledged(write);
        trace.say(`${name} is acknowledged by ${done.durable} of ${done.owners}`);
      } catch (error) {
        if (!isMurkyError(error)) throw error;
        if (error.code === 'MURKY_NOT_FOUND') write.outcome = 'nothing';
        this.counts.refused += 1;
        trace.say(`${name}: ${error.code}`);
      }
      write.endedAtMs = time.now;
    });
  }

  async #operation<T>(server: Server, name: string, work: () => Promise<T>): Promise<T | undefined> {
    const waiting = `${name} (begun at ${(this.scene.time.now / 1000).toFixed(3)} s)`;
    this.#waiting.set(waiting, server.machine);
    try {
      return await work();
    } catch (error) {
      const told = error instanceof Error ? error.stack : error;
      this.scene.fail(error instanceof Violation ? error : new Violation('operations', `${name} failed: ${told}`));
      return undefined;
    } finally {
      this.#waiting.delete(waiting);
    }
  }

  #anyone(): Server | undefined {
    const up = this.scene.servers.filter((server) => server.up && !server.gone);
    return up.length > 0 ? this.scene.chance.pick(up) : undefined;
  }

  #size(): number {
    const { chance } = this.scene;
    const kind = chance.unit();
    if (kind < 0.05) return 0;
    if (kind < 0.5) return chance.whole(1, 2000);
    if (kind < 0.8) return chance.whole(2000, BLOCK_BYTES);
    return chance.whole(BLOCK_BYTES, 5 * BLOCK_BYTES);
  }
}
