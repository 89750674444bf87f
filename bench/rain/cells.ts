import { addon, type SimulatedServer, type SimulationResult, type SimulationScenario } from '../../src/native/addon.js';

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

/** What a path history says after a fetch: the capacity that the law held, .945 to .95 of the link in all cells. */
export function withHistory(given: SimulationScenario): SimulationScenario {
  return { ...given, initialRateBitsPerSecond: 0.95 * RATE };
}

/** Servers that were asked nothing before: the token takes a round trip of the fetch. */
export function withoutToken(given: SimulationScenario): SimulationScenario {
  return { ...given, lookUpFirst: false };
}

const results = new Map<string, SimulationResult>();

/** A scenario always runs alike, so each is run once. */
export function run(given: SimulationScenario): SimulationResult {
  const name = JSON.stringify(given);
  const result = results.get(name) ?? addon().simulate(given);
  if (!result.done || !result.intact) throw new Error(`The fetch failed: ${name}`);
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
