import { resourceId } from '../../../src/object/key.js';
import { MovedObjects } from './checkers/moved-objects.js';
import type { Clients } from './clients.js';
import { BLOCK_BYTES } from './profile.js';
import type { Server } from './server.js';

const FILL_BYTES = 5 * BLOCK_BYTES;
const WITNESSES = 10;
/** Longer than any datagram is on its way. */
const IN_FLIGHT_MS = 1000;

/** What a scene may use; each begins with a cluster at rest, and ends with one. */
export interface Stage {
  readonly servers: readonly Server[];
  readonly clients: Clients;
  readonly maxBytes: number;
  /** Waits for work while time passes. */
  readonly until: (work: Promise<unknown>) => Promise<void>;
  readonly pass: (ms: number) => Promise<void>;
  readonly rest: () => Promise<void>;
  readonly powerCut: () => void;
  readonly start: (server: Server) => void;
  readonly join: () => Server;
  readonly say: (line: string) => void;
  readonly keys: () => readonly string[];
}

/** An owner is away while an object is deleted, and comes back with the value. */
export async function sleeper(stage: Stage): Promise<void> {
  const { servers, clients, say } = stage;
  const key = 'sleeper';
  const [writer, ...others] = servers.filter((server) => !server.gone);
  if (!writer) return;
  await stage.until(clients.put(writer, key, 1000));
  await stage.rest();
  const owner = others.find(({ running }) => running?.cluster.owners(resourceId(key)).self);
  if (!owner) return;
  say(`node ${owner.n} sleeps through a delete`);
  owner.crash();
  await stage.until(clients.delete(writer, key));
  await stage.pass(2000);
  await forget(stage, resourceId(key));
  for (const server of servers) if (!server.machine && !server.gone) stage.start(server);
  await stage.rest();
}

/**
 * Where that is planted, the nodes that are there forget a delete. Their processes end at once, and what they have sent
 * arrives at no one: the owner that is away would still hear of the delete from either.
 */
async function forget({ servers, until, pass }: Stage, id: bigint): Promise<void> {
  for (const server of servers) {
    const work = server.running && server.tampering.forget?.(server.running.store, id);
    if (!work) continue;
    await until(work.then(() => server.crash('process')));
  }
  if (!servers.some((server) => server.running)) await pass(IN_FLIGHT_MS);
}

/** More than a store holds, one after the other at one node; then all of it is deleted. */
export async function fill(stage: Stage): Promise<void> {
  const { servers, clients, say, maxBytes } = stage;
  const server = servers.find((one) => !one.gone);
  if (!server) return;
  say(`node ${server.n} is filled`);
  const count = Math.ceil((1.5 * maxBytes) / FILL_BYTES);
  const names = Array.from({ length: count }, (_, i) => `fill-${i}`);
  for (const name of names) await stage.until(clients.put(server, name, FILL_BYTES));
  await stage.pass(1000);
  for (const name of names) await stage.until(clients.delete(server, name));
  await stage.rest();
}

/** All machines lose their power at once. */
export async function blackout(stage: Stage): Promise<void> {
  const present = stage.servers.filter((server) => !server.gone);
  for (const { tampering, disk } of present) tampering.disk?.(disk);
  await stage.until(stage.clients.put(present[0]!, 'blackout', 1000));
  stage.powerCut();
  for (const server of present) stage.start(server);
  await stage.rest();
}

/** A value of several blocks is read at every node. */
export async function witness(stage: Stage): Promise<void> {
  const present = stage.servers.filter((server) => !server.gone).slice(0, WITNESSES);
  await stage.until(stage.clients.put(present[0]!, 'witness', 3 * BLOCK_BYTES));
  await stage.rest();
  for (const server of present) void stage.clients.read(server, 'witness');
  await stage.rest(); // which sees to it that every operation has ended
}

/** A node joins, and takes its share and no more. */
export async function grow(stage: Stage): Promise<void> {
  const moved = new MovedObjects(stage.servers, stage.keys());
  const joined = stage.join();
  await stage.rest();
  const share = moved.check(joined);
  stage.say(`node ${joined.n} has taken ${(100 * share).toFixed(1)} % of the copies`);
}
