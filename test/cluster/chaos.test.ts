import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MurkyError } from '../../src/errors.js';
import { resourceId } from '../../src/object/key.js';
import { type SimulatedNode, World } from '../simulation/world.js';

const NODES = 5;
const KEYS = 6;
const STEPS = 60;
const options = { propagateOnStartup: true };
const everyone = Array.from({ length: NODES }, (_, i) => i + 1);

/** What may be the value of a key: the last acknowledged write, or any that was not, as that may still take place. */
class Possible {
  #acknowledged = 'nothing';
  readonly #attempted = new Set<string>();

  acknowledged(value: string): void {
    this.#acknowledged = value;
  }

  attempted(value: string): void {
    this.#attempted.add(value);
  }

  has(value: string): boolean {
    return value === this.#acknowledged || this.#attempted.has(value);
  }

  toString(): string {
    return `${this.#acknowledged}; attempted: ${[...this.#attempted]}`;
  }
}

async function read(node: SimulatedNode, key: string): Promise<string | undefined> {
  try {
    return (await node.get(key)).toString();
  } catch (error) {
    if (!(error instanceof MurkyError)) throw error;
    return error.code === 'MURKY_NOT_FOUND' ? 'nothing' : undefined;
  }
}

async function rampage(seed: number): Promise<void> {
  const world = new World(seed);
  const pick = (count: number) => Math.floor(world.random.unit() * count);
  const possible = new Map(Array.from({ length: KEYS }, (_, i) => [`k${i}`, new Possible()]));
  await world.startAll(NODES, options);
  world.net.loss = 0.05;
  let down: number | undefined;
  for (let step = 0; step < STEPS; step++) {
    const event = world.random.unit();
    if (event < 0.12 && down === undefined) {
      down = 1 + pick(NODES);
      await world.kill(down);
    } else if (event < 0.3 && down !== undefined) {
      await world.start(down, everyone, { ...options, skewMs: (world.random.unit() - 0.5) * 60_000 });
      down = undefined;
    } else if (event < 0.4) world.isolate(1 + pick(NODES));
    else if (event < 0.6) world.heal();

    const running = [...world.nodes.values()];
    const node = running[pick(running.length)]!;
    const key = `k${pick(KEYS)}`;
    const value = world.random.unit() < 0.2 ? 'nothing' : `${key} at ${step}`;
    try {
      if (value === 'nothing') await node.delete(key);
      else await node.put(key, Buffer.from(value));
      possible.get(key)!.acknowledged(value);
    } catch (error) {
      assert.ok(error instanceof MurkyError, String(error));
      if (error.code !== 'MURKY_NOT_FOUND') possible.get(key)!.attempted(value);
    }
    await world.time.run(world.random.unit() * 3000);
  }
  world.heal();
  world.net.loss = 0;
  if (down !== undefined) await world.start(down, everyone, options);
  await world.time.run(120_000);
  const nodes = [...world.nodes.values()];
  for (const [key, values] of possible) {
    const id = resourceId(key);
    const owners = nodes.filter((node) => node.cluster.owners(id).self);
    assert.is(owners.length, 3);
    const versions = new Set(owners.map((owner) => String(owner.store.disk.current.get(id)?.manifest.version.time)));
    assert.is(versions.size, 1, `seed ${seed}, ${key}: the owners agree`);
    for (const node of nodes) {
      const value = await read(node, key);
      assert.ok(value !== undefined && values.has(value), `seed ${seed}, ${key}: ${value}, not ${values}`);
    }
  }
  for (const node of nodes) assert.is(node.rain.fetching, 0);
  await world.closeAll();
}

for (const seed of [101, 102, 103, 104, 377]) {
  test(`through crashes, cuts, loss and skewed clocks no acknowledged write is lost, and all agree (seed ${seed})`, () =>
    rampage(seed));
}

test.run();
