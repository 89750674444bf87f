import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_QUARANTINED, type Offence, Quarantine } from '../../src/rain/quarantine.js';
import { silentLog } from '../../src/seam/log.js';
import { ManualClock } from './scripted-loop.js';

const A = { host: '10.0.0.1', port: 1980 };
const what = { resource: '7', block: 3, wrongSymbols: 2 };

function start() {
  const clock = new ManualClock();
  const told: Offence[] = [];
  return { clock, told, quarantine: new Quarantine(clock, silentLog, 1000, (offence) => told.push(offence)) };
}

test('each offence doubles the time, up to a bound', () => {
  const { clock, told, quarantine } = start();
  for (let time = 0; time < 9; time++) {
    quarantine.add(A, what);
    const { quarantineMs } = told.at(-1)!;
    clock.advance(quarantineMs - 1);
    assert.ok(quarantine.holds(A));
    clock.advance(1);
    assert.not(quarantine.holds(A));
  }
  assert.equal(
    told.map(({ quarantineMs }) => quarantineMs / 1000),
    [1, 2, 4, 8, 16, 32, 64, 64, 64],
  );
  assert.equal(told[1], { server: '10.0.0.1:1980', ...what, offences: 2, quarantineMs: 2000 });
});

test('what a server sent before it was caught is the same offence', () => {
  const { told, quarantine } = start();
  quarantine.add(A, what);
  quarantine.add(A, what);
  assert.is(told.length, 1);
});

test('who behaves for as long again is forgotten', () => {
  const { clock, told, quarantine } = start();
  quarantine.add(A, what);
  clock.advance(1999);
  assert.equal(
    quarantine.view().map(({ leftMs }) => leftMs),
    [0],
  );
  clock.advance(1);
  assert.equal(quarantine.view(), []);
  quarantine.add(A, what);
  assert.is(told.at(-1)!.offences, 1);
});

test('no more servers are remembered than the limit', () => {
  const { quarantine } = start();
  const server = (n: number) => ({ host: `10.0.${n >> 8}.${n & 255}`, port: 1 });
  for (let n = 0; n <= MAX_QUARANTINED; n++) quarantine.add(server(n), what);
  assert.is(quarantine.view().length, MAX_QUARANTINED);
  assert.not(quarantine.holds(server(0)));
  assert.ok(quarantine.holds(server(1)) && quarantine.holds(server(MAX_QUARANTINED)));
});

test.run();
