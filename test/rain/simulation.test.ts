import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { addon, type SimulatedServer, type SimulationResult, type SimulationScenario } from '../../src/native/addon.js';

const MIB = 2 ** 20;
const LINK = { rateBitsPerSecond: 100e6, queueMs: 50 };
const CELLS: Record<string, { delayMs: number; loss: number }> = {
  a: { delayMs: 1, loss: 0 },
  b: { delayMs: 20, loss: 0.01 },
  c: { delayMs: 20, loss: 0.05 },
  d: { delayMs: 50, loss: 0.1 },
  e: { delayMs: 300, loss: 0.02 },
};

function scenario(cell: string, servers: number, mebibytes: number): SimulationScenario {
  const server: SimulatedServer = { ...LINK, ...CELLS[cell]! };
  const each = Array.from({ length: servers }, () => ({ ...server }));
  return { seed: 7, objectBytes: mebibytes * MIB, servers: each, lookUpFirst: true };
}

function efficiency(given: SimulationScenario, result: SimulationResult): number {
  const carried = given.servers.reduce((sum, server) => sum + server.rateBitsPerSecond * (1 - server.loss), 0);
  return (given.objectBytes * 8) / (result.virtualMs / 1000) / carried;
}

const symbols = (result: SimulationResult) => result.report.servers.reduce((sum, server) => sum + server.symbols, 0);

// Bounds below what was measured, far above what a sender that takes loss for congestion reaches.
for (const [cell, servers, bound] of [
  ['a', 1, 0.94],
  ['b', 1, 0.91],
  ['c', 1, 0.91],
  ['d', 1, 0.87],
  ['a', 4, 0.93],
  ['c', 2, 0.89],
  ['c', 4, 0.85],
  ['c', 8, 0.77],
] as const) {
  test(`32 MiB from ${servers} at ${cell}: intact, the links full, the queue short`, () => {
    const given = scenario(cell, servers, 32);
    const result = addon().simulate(given);
    assert.ok(result.done && result.intact);
    assert.is(result.sentTwice, 0);
    assert.ok(efficiency(given, result) >= bound, `efficiency ${efficiency(given, result)}`);
    assert.ok(result.queueMedianMs <= 6, `median ${result.queueMedianMs} ms`);
    assert.ok(symbols(result) <= result.report.sourceSymbols * 1.03, `${symbols(result)} symbols`);
  });
}

for (const [servers, bound] of [
  [2, 0.91],
  [4, 0.88],
  [8, 0.82],
] as const) {
  test(`32 MiB from ${servers} at c over known paths`, () => {
    const given = { ...scenario('c', servers, 32), initialRateBitsPerSecond: 95e6 };
    assert.ok(efficiency(given, addon().simulate(given)) >= bound);
  });
}

// A far server whose answer is still on its way is not a silent one.
for (const [servers, bound] of [
  [1, 0.62],
  [4, 0.32],
  [8, 0.16],
] as const) {
  test(`32 MiB from ${servers} over a satellite, 300 ms one way`, () => {
    const given = scenario('e', servers, 32);
    const result = addon().simulate(given);
    assert.ok(result.done && result.intact);
    assert.ok(efficiency(given, result) >= bound, `efficiency ${efficiency(given, result)}`);
    const waste = symbols(result) / result.report.decodingSymbols - 1;
    assert.ok(waste < 0.1, `${waste} of the symbols came for nothing`);
  });
}

test('a rate that was foretold twice too high costs little', () => {
  const given = { ...scenario('c', 4, 32), initialRateBitsPerSecond: 190e6 };
  assert.ok(efficiency(given, addon().simulate(given)) >= 0.86);
});

test('the first block is whole after two and a half round trips and its transmission', () => {
  for (const [cell, servers] of [
    ['a', 1],
    ['a', 8],
    ['b', 4],
    ['c', 1],
    ['c', 4],
  ] as const) {
    const given = scenario(cell, servers, 8);
    const { delayMs, loss } = CELLS[cell]!;
    const transmission = (MIB * 8) / (servers * 100e3 * (1 - loss) * 0.9465);
    const { firstBlockMs } = addon().simulate(given);
    assert.ok(firstBlockMs <= 2.5 * 2 * delayMs + transmission, `${firstBlockMs} ms at ${cell} from ${servers}`);
  }
});

test('without a token at hand a fetch takes a round trip more', () => {
  const given = scenario('c', 1, 8);
  const more = addon().simulate({ ...given, lookUpFirst: false }).virtualMs - addon().simulate(given).virtualMs;
  assert.ok(more > 30 && more < 60, `${more} ms`);
});

// What a fetch gets of a link beside one flow that is never done, from 10 s to 40 s.
for (const [rival, queueMs, least, most] of [
  ['cubic', 20, 0.3, 0.7],
  ['cubic', 50, 0.3, 0.7],
  ['cubic', 300, 0.3, 0.7],
  ['bbr', 50, 0.25, 0.7],
  ['bbr', 100, 0.25, 0.7],
] as const) {
  test(`a share of the link beside ${rival} in a queue of ${queueMs} ms`, () => {
    const server: SimulatedServer = { rateBitsPerSecond: 100e6, delayMs: 20, loss: 0, queueMs, rivals: [rival] };
    const given = { seed: 7, objectBytes: 1024 * MIB, servers: [server], sharesFromMs: 10_000, limitMs: 40_000 };
    const { fetchBytes, rivalBytes } = addon().simulate(given).shares[0]!;
    const share = fetchBytes / (fetchBytes + rivalBytes);
    assert.ok(share >= least && share <= most, `share ${share}`);
    assert.ok((fetchBytes + rivalBytes) * 8 >= 0.9 * 100e6 * 30, 'the link is full');
  });
}

for (const [name, change, bound] of [
  ['loss in bursts of 5', { lossBurst: 5 }, 0.96],
  ['a fifth of the requests lost', { requestLoss: 0.2 }, 0.96],
  ['5 % duplicates', { duplicate: 0.05 }, 0.98],
  ['jitter of 5 ms', { jitterMs: 5 }, 0.96],
] as const) {
  test(`${name} costs little`, () => {
    const clean = scenario('b', 1, 32);
    const given = { ...clean, servers: clean.servers.map((server) => ({ ...server, ...change })) };
    const result = addon().simulate(given);
    assert.ok(result.done && result.intact);
    const ratio = addon().simulate(clean).virtualMs / result.virtualMs;
    assert.ok(ratio >= bound, `${ratio} of the rate without`);
  });
}

test('a server that dies half-way costs its share only', () => {
  const whole = addon().simulate(scenario('c', 4, 32));
  const given = scenario('c', 4, 32);
  given.servers[1]!.killAtMs = whole.virtualMs / 2;
  const result = addon().simulate(given);
  assert.ok(result.intact);
  const fluid = whole.virtualMs / 2 + ((whole.virtualMs / 2) * 4) / 3;
  assert.ok(result.virtualMs <= 1.1 * fluid, `${result.virtualMs} ms of ${fluid} ms`);
});

test('the same seed gives the same run', () => {
  const given = scenario('d', 3, 4);
  assert.equal(addon().simulate(given), addon().simulate(given));
});

test('a scenario that means nothing is refused', () => {
  for (const wrong of [{ seed: -1 }, { objectBytes: 0 }, { symbolBytes: 100 }, { servers: undefined }]) {
    assert.throws(
      () => addon().simulate({ ...scenario('a', 1, 1), ...wrong } as SimulationScenario),
      (error: { code?: string }) => error.code === 'MURKY_BAD_ARGUMENT',
    );
  }
});

// Whatever the links do, the object arrives whole, and no server sends what another one sent.
test('random links', () => {
  const server = fc.record({
    rateBitsPerSecond: fc.integer({ min: 2e6, max: 400e6 }),
    delayMs: fc.integer({ min: 0, max: 150 }),
    loss: fc.double({ min: 0, max: 0.4, noNaN: true }),
    queueMs: fc.integer({ min: 5, max: 200 }),
    jitterMs: fc.integer({ min: 0, max: 10 }),
    duplicate: fc.double({ min: 0, max: 0.1, noNaN: true }),
    empty: fc.boolean(),
  });
  const dying = fc.record({ rateBitsPerSecond: fc.constant(50e6), delayMs: fc.constant(10), loss: fc.constant(0.01) });
  const given = fc.record({
    seed: fc.integer({ min: 0, max: 2 ** 31 }),
    objectBytes: fc.integer({ min: 1, max: 6 * MIB }),
    servers: fc.tuple(
      server.map((one) => ({ ...one, empty: false })),
      fc.array(server, { maxLength: 4 }),
      fc.array(fc.tuple(dying, fc.integer({ min: 0, max: 500 })), { maxLength: 2 }),
    ),
  });
  fc.assert(
    fc.property(given, ({ seed, objectBytes, servers: [first, others, dead] }) => {
      const servers = [first, ...others, ...dead.map(([one, killAtMs]) => ({ ...one, killAtMs }))];
      const result = addon().simulate({ seed, objectBytes, servers, limitMs: 300_000 });
      assert.ok(result.done && result.intact);
      assert.is(result.sentTwice, 0);
    }),
    { seed: 20261121, numRuns: 60 },
  );
});

test.run();
