import { addon, type SimulatedServer, type SimulationResult, type SimulationScenario } from '../../src/native/addon.js';
import { PathHistory } from '../../src/rain/path-history.js';
import { systemClock } from '../../src/seam/clock.js';
import { silentLog } from '../../src/seam/log.js';

/** One-way delay and loss, each way, of the cells of the matrix; 100 Mbit/s and a drop-tail queue of 50 ms each. */
export const CELLS = {
  a: { delayMs: 1, loss: 0 },
  b: { delayMs: 20, loss: 0.01 },
  c: { delayMs: 20, loss: 0.05 },
  d: { delayMs: 50, loss: 0.1 },
  e: { delayMs: 300, loss: 0.02 },
};
export type Cell = keyof typeof CELLS;

const RATE = 100e6;
const MIB = 2 ** 20;

export function scenario(cell: Cell, servers: number, mebibytes: number, seed: number): SimulationScenario {
  const server: SimulatedServer = { rateBitsPerSecond: RATE, queueMs: 50, ...CELLS[cell] };
  const each = Array.from({ length: servers }, () => ({ ...server }));
  return { seed, objectBytes: mebibytes * MIB, servers: each, lookUpFirst: true };
}

/** The same over paths of which a history has seen one fetch, with other losses. */
export function withHistory(given: SimulationScenario): SimulationScenario {
  const { servers } = run({ ...given, seed: given.seed + 1000 }).report;
  const history = new PathHistory(systemClock, silentLog);
  for (const server of servers) history.note(server, 0);
  const known = given.servers.map((server, i) => ({
    ...server,
    knownRateBitsPerSecond: history.predict(servers[i]!),
  }));
  return { ...given, servers: known };
}

/** Servers that were asked nothing before: the token takes a round trip of the fetch. */
export function withoutToken(given: SimulationScenario): SimulationScenario {
  return { ...given, lookUpFirst: false };
}

/** Each server with these of its properties instead. */
export function changed(given: SimulationScenario, change: Partial<SimulatedServer>): SimulationScenario {
  return { ...given, servers: given.servers.map((server) => ({ ...server, ...change })) };
}

const results = new Map<string, SimulationResult>();
/** Of all that was run: seconds of network, and of this thread's processor time that they took. */
export const spent = { virtualSeconds: 0, cpuSeconds: 0 };

/** A scenario always runs alike, so each is run once. */
export function run(given: SimulationScenario): SimulationResult {
  const name = JSON.stringify(given);
  const known = results.get(name);
  if (known) return known;
  const before = addon().threadSeconds();
  const result = addon().simulate(given);
  if (!result.done || !result.intact) throw new Error(`The fetch failed: ${name}`);
  spent.cpuSeconds += addon().threadSeconds() - before;
  spent.virtualSeconds += result.virtualMs / 1000;
  results.set(name, result);
  return result;
}

/** Goodput over the sum of link rates × (1 - loss). */
export function efficiency(given: SimulationScenario, result: SimulationResult): number {
  const carried = given.servers.reduce((sum, server) => sum + server.rateBitsPerSecond * (1 - server.loss), 0);
  return (given.objectBytes * 8) / (result.virtualMs / 1000) / carried;
}

/** Symbols that arrived beyond those that the decoders took, as a share of the source symbols. */
export function useless(result: SimulationResult): number {
  const symbols = result.report.servers.reduce((sum, server) => sum + server.symbols, 0);
  return (symbols - result.report.decodingSymbols) / result.report.sourceSymbols;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
