import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RateWindow } from '../../src/cli/terminal/rate-window.js';
import {
  amountText,
  arrivedBytes,
  type FetchFigures,
  MAX_SERVER_LINES,
  serverLines,
} from '../../src/cli/terminal/transfer-lines.js';

const MIB = 2 ** 20;
const server = {
  address: '192.0.2.1:1980',
  state: 'alive',
  symbols: 950,
  useful: 900,
  lost: 50,
  rateBitsPerSecond: 1_900_000,
  roundTripMs: 20.04,
} as const;
const figures: FetchFigures = {
  bytes: MIB,
  symbolBytes: 1344,
  wantedBytes: 4 * MIB,
  overhead: 0.0021,
  servers: [
    server,
    { ...server, address: '[2001:db8::2]:1980', state: 'silent', symbols: 100, useful: 100, lost: 0, roundTripMs: 0 },
  ],
};

test('a line for each server: state, rate, loss, share, round trip', () => {
  assert.equal(serverLines(figures), [
    '  192.0.2.1:1980      alive   1.9 Mbit/s  5 % lost  90 % share  20.0 ms',
    '  [2001:db8::2]:1980  silent           -  0 % lost  10 % share        -',
  ]);
});

test('a fetch from very many servers does not fill the terminal', () => {
  const lines = serverLines({ ...figures, servers: Array.from({ length: 40 }, () => server) });
  assert.is(lines.length, MAX_SERVER_LINES + 1);
  assert.is(lines.at(-1), `  and ${40 - MAX_SERVER_LINES} more`);
});

test('what has arrived counts symbols of blocks that are not whole, and never more than is wanted', () => {
  assert.is(arrivedBytes(figures), 1000 * 1344);
  assert.is(arrivedBytes({ ...figures, bytes: 2 * MIB }), 2 * MIB);
  const many = [{ ...server, useful: 1e6 }];
  assert.is(arrivedBytes({ ...figures, servers: many }), 4 * MIB);
});

test('amount, rate, time left and overhead, as far as they are known', () => {
  assert.is(amountText(MIB, 4 * MIB, MIB / 4, figures), '1 MiB of 4 MiB  2.1 Mbit/s  12.0 s left  overhead 0.2 %');
  assert.is(
    amountText(MIB, 4 * MIB, 0, undefined),
    '1 MiB of 4 MiB  0 bit/s',
    'no time is foretold where nothing moves',
  );
  assert.is(amountText(512, undefined, undefined, undefined), '512 B');
});

test('the rate is that of the last five seconds', () => {
  const window = new RateWindow();
  assert.is(window.rate(), undefined);
  for (let second = 0; second <= 20; second++) window.add(second * 1000, second < 10 ? 0 : (second - 10) * 300);
  assert.is(window.rate(), 300);
  for (let second = 21; second <= 40; second++) window.add(second * 1000, 3000);
  assert.is(window.rate(), 0);
});

test.run();
