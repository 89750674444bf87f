import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RefuseReason, type ServerReport, ServerState } from '../../src/native/addon.js';
import { MemorySource } from '../../src/rain/memory-source.js';
import { MAX_PATHS, PathHistory, type PathStorage } from '../../src/rain/path-history.js';
import { silentLog } from '../../src/seam/log.js';
import { closeScripted, ManualClock, openScripted, settle } from './scripted-loop.js';

test.after.each(closeScripted);

const MIB = 2 ** 20;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const A = { host: '127.0.0.1', port: 5001 };
const B = { host: '::1', port: 5002 };
const C = { host: '127.0.0.1', port: 5003 };

class MemoryStorage implements PathStorage {
  readonly facts = new Map<string, Uint8Array>();
  async put(key: string, value: Uint8Array) {
    this.facts.set(key, value);
  }
  async delete(key: string) {
    this.facts.delete(key);
  }
  async *entries(prefix: string): AsyncGenerator<[string, Uint8Array]> {
    for (const entry of this.facts) if (entry[0].startsWith(prefix)) yield entry;
  }
}

function report(server: { host: string; port: number }, given: Partial<ServerReport> = {}): ServerReport {
  return {
    ...server,
    state: ServerState.Alive,
    reason: 0,
    symbols: 2000,
    useful: 2000,
    lost: 0,
    rateBitsPerSecond: 0,
    capacityBitsPerSecond: 50e6,
    roundTripMs: 20,
    ...given,
  };
}

function open(storage?: PathStorage) {
  const clock = new ManualClock();
  return { clock, history: new PathHistory(clock, silentLog, storage) };
}

test('the next fetch is told what the last one measured, server by server', async () => {
  const { clock, history } = open();
  const source = new MemorySource();
  const manifest = source.add('7', Buffer.alloc(MIB));
  const { endpoint, loop } = await openScripted({ clock, history });
  const fetch = async () => {
    const blocks = endpoint.fetch(manifest, [A, C])[Symbol.asyncIterator]();
    const first = blocks.next();
    await settle();
    await blocks.return!();
    await first;
  };
  loop.reported = [report(A, { capacityBitsPerSecond: 30e6 }), report(C, { symbols: 0, useful: 0 })];
  await fetch();
  assert.equal(loop.opened[0]!.servers, [A, C], 'nothing is known at first');
  await fetch();
  assert.equal(loop.opened[1]!.servers, [{ ...A, knownRateBitsPerSecond: 30e6 }, C]);
  const [path] = history.view();
  assert.is(history.view().length, 1, 'a server that sent nothing has shown nothing');
  assert.equal(path!.fetches, [
    { atMs: 0, predictedBitsPerSecond: null, measuredBitsPerSecond: 30e6 },
    { atMs: 0, predictedBitsPerSecond: 30e6, measuredBitsPerSecond: 30e6 },
  ]);
});

test('a prediction lies within what was measured, nearer to the last', () => {
  const rate = fc.integer({ min: 1e5, max: 1e10 });
  fc.assert(
    fc.property(fc.array(rate, { minLength: 2, maxLength: 20 }), (rates) => {
      const { history } = open();
      for (const capacityBitsPerSecond of rates) history.note(report(A, { capacityBitsPerSecond }), history.predict(A));
      const predicted = history.predict(A);
      assert.ok(predicted >= Math.min(...rates) - 1 && predicted <= Math.max(...rates) + 1, `${predicted} of ${rates}`);
      const last = rates.at(-1)!;
      const spread = Math.max(...rates) - Math.min(...rates);
      assert.ok(Math.abs(predicted - last) <= spread / 4, `${predicted} is far from ${last} in ${rates}`);
      assert.ok(history.view()[0]!.fetches.length <= 8);
    }),
  );
});

test('few symbols change little, and too few tell no rate', () => {
  const { history } = open();
  history.note(report(A, { symbols: 3, capacityBitsPerSecond: 900e6 }), 0);
  assert.is(history.predict(A), 0);
  history.note(report(A, { capacityBitsPerSecond: 10e6 }), 0);
  history.note(report(A, { symbols: 70, capacityBitsPerSecond: 900e6 }), 10e6);
  assert.ok(history.predict(A) < 300e6, 'seventy symbols');
  history.note(report(A, { capacityBitsPerSecond: 900e6 }), 10e6);
  assert.ok(history.predict(A) > 600e6, 'two thousand');
});

test('figures fade with age until the path is unknown again', () => {
  const { clock, history } = open();
  history.note(report(A), 0);
  clock.advance(DAY_MS);
  assert.is(history.predict(A), 50e6);
  assert.ok(Math.abs(history.view()[0]!.weight - 0.5) < 1e-9);
  clock.advance(7 * DAY_MS);
  assert.is(history.predict(A), 0);
  assert.is(history.view()[0]!.predictedBitsPerSecond, null);
  history.note(report(A, { capacityBitsPerSecond: 5e6 }), 0);
  assert.ok(history.predict(A) < 6e6, 'what is old does not weigh against what is new');
});

test('a path that failed begins with less, and recovers with time and with success', () => {
  const { clock, history } = open();
  history.note(report(A), 0);
  history.note(report(A, { state: ServerState.Silent, symbols: 0, useful: 0 }), 50e6);
  assert.is(history.predict(A), 25e6);
  assert.is(history.view()[0]!.failures, 1);
  clock.advance(HOUR_MS);
  assert.ok(history.predict(A) > 35e6);
  history.failed(A);
  const before = history.predict(A);
  history.note(report(A), before);
  assert.ok(history.predict(A) > before);
  for (let i = 0; i < 50; i++) history.failed(A);
  assert.ok(history.predict(A) > 0, 'it is never given up for good');
});

test('a refusal for want of the object, and a busy server, are no failures', () => {
  const { history } = open();
  for (const reason of [RefuseReason.NotHere, RefuseReason.Busy]) {
    history.note(report(A, { state: ServerState.Refused, reason, symbols: 0 }), 0);
  }
  assert.equal(history.view(), []);
  history.note(report(A, { state: ServerState.Refused, reason: RefuseReason.Unreadable, symbols: 0 }), 0);
  assert.is(history.view()[0]!.failures, 1);
});

test('no more paths are kept than the limit; the one not heard of for longest goes, in the storage too', async () => {
  const storage = new MemoryStorage();
  const { clock, history } = open(storage);
  const at = (i: number) => ({ host: `10.0.${i >> 8}.${i & 255}`, port: 1980 });
  for (let i = 0; i < MAX_PATHS; i++) history.note(report(at(i)), 0);
  clock.advance(HOUR_MS);
  history.note(report(at(0)), 0); // heard of again
  history.note(report(at(MAX_PATHS)), 0);
  await history.close();
  assert.is(history.view().length, MAX_PATHS);
  assert.is(storage.facts.size, MAX_PATHS);
  assert.ok(history.predict(at(0)) > 0);
  assert.is(history.predict(at(1)), 0);
});

test('an earlier run is taken up again, and what is damaged is dropped', async () => {
  const storage = new MemoryStorage();
  const first = open(storage);
  first.history.note(report(A, { lost: 500 }), 0);
  first.history.note(report(B), 0);
  assert.is(storage.facts.size, 0, 'not for each fetch');
  first.clock.advance(5000);
  await settle();
  assert.is(storage.facts.size, 2);
  await first.history.close();
  storage.facts.set('path/127.0.0.1:9', Buffer.from('{"rateBitsPerSecond":-1}'));
  storage.facts.set('path/127.0.0.1:10', Buffer.from([0xff, 0xfe]));

  const second = open(storage);
  await second.history.load();
  assert.equal(
    second.history
      .view()
      .map(({ address }) => address)
      .sort(),
    ['127.0.0.1:5001', '[::1]:5002'],
  );
  assert.is(second.history.predict(A), 50e6);
  assert.ok(Math.abs(second.history.view().find(({ address }) => address === '127.0.0.1:5001')!.loss - 0.2) < 1e-9);
  await second.history.close();
  assert.is(storage.facts.size, 2);
});

test('a limit of the symbols holds for ten minutes, over fetches and restarts', async () => {
  const storage = new MemoryStorage();
  const { clock, history } = open(storage);
  assert.is(history.symbolLimit(A), undefined);
  history.note(report(A), 0);
  history.limitSymbols(A, 1152);
  history.limitSymbols(B, 448);
  history.note(report(A), 0);
  assert.is(history.symbolLimit(A), 1152);
  assert.is(history.predict(A), 50e6, 'the rest stays known');
  assert.equal(
    history.view().map(({ address, symbolLimitBytes }) => [address, symbolLimitBytes]),
    [
      ['127.0.0.1:5001', 1152],
      ['[::1]:5002', 448],
    ],
  );
  await history.close();

  const later = new PathHistory(clock, silentLog, storage);
  await later.load();
  clock.advance(599_999);
  assert.is(later.symbolLimit(A), 1152);
  assert.is(later.symbolLimit(B), 448);
  clock.advance(1);
  assert.is(later.symbolLimit(A), undefined);
  assert.is(later.view()[0]!.symbolLimitBytes, null);
});

test.run();
