import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isMurkyError } from '../../src/errors.js';
import { BLOCK_BYTES } from '../../src/object/manifest.js';
import type { Address, BlockSource } from '../../src/rain/contract.js';
import { MemorySource } from '../../src/rain/memory-source.js';
import type { Offence } from '../../src/rain/quarantine.js';
import { noise, same } from './bytes.js';
import { client, closeAll, server } from './open.js';
import { failure } from './rejects.js';

test.after.each(closeAll);

const value = noise(6 * BLOCK_BYTES - 77);

/** Has the right manifest and, from block `from` on, other bytes than it says. */
function liar(from: number): BlockSource {
  const truth = new MemorySource();
  truth.add('x', value);
  return {
    current: (id) => truth.current(id),
    manifest: (id, version) => truth.manifest(id, version),
    block: async (id, version, index) => {
      const bytes = await truth.block(id, version, index);
      return index < from ? bytes : bytes?.map((byte, at) => (at % 5000 === 0 ? byte ^ 1 : byte));
    },
  };
}

const text = (address: Address) => `${address.host}:${address.port}`;

/** So slow that the others are needed as well. */
const SLOW = { maxRateBitsPerSecond: 40_000_000 };

test('a lying server spoils nothing, is named in report, log and event, and left out the next time', async () => {
  const honest = [await server(SLOW), await server(SLOW)];
  for (const one of honest) one.add('x', value);
  const lying = await server({ source: liar(1) });
  const warned: string[] = [];
  const note = (facts: object) => void warned.push(JSON.stringify(facts));
  const offences: Offence[] = [];
  const rain = await client({
    log: { debug() {}, info() {}, warn: note, error: note },
    onOffence: (offence) => offences.push(offence),
  });
  const servers = [lying, ...honest].map(({ address }) => address);
  const first = await rain.fetch('x', { servers });
  assert.ok(same(first.bytes, value));
  assert.equal(first.report.culprits, [text(lying.address)]);
  assert.equal(
    offences.map(({ server, offences }) => [server, offences]),
    [[text(lying.address), 1]],
  );
  assert.is(warned.length, 1);
  assert.ok(warned[0]!.includes(text(lying.address)) && !honest.some((one) => warned[0]!.includes(text(one.address))));
  const second = await rain.fetch('x', { servers });
  assert.ok(same(second.bytes, value));
  assert.equal(second.report.culprits, []);
  assert.equal(
    second.report.servers.map(({ address }) => address).sort(),
    honest.map((one) => text(one.address)).sort(),
  );
});

test('one in quarantine is asked where nobody else has the object', async () => {
  const lying = await server({ source: liar(3) });
  const honest = await server(SLOW);
  honest.add('x', value);
  const rain = await client();
  await rain.fetch('x', { servers: [lying.address, honest.address] });
  const part = await rain.fetch('x', { servers: [lying.address] }).catch((error: unknown) => error);
  assert.ok(isMurkyError(part, 'MURKY_POLLUTED'));
});

test('most servers lying is no harm either', async () => {
  const honest = await server(SLOW);
  honest.add('x', value);
  const lying = [await server({ source: liar(0) }), await server({ source: liar(3) })];
  const rain = await client();
  const { bytes, report } = await rain.fetch('x', { servers: [...lying, honest].map(({ address }) => address) });
  assert.ok(same(bytes, value));
  for (const culprit of report.culprits) assert.not.match(culprit, text(honest.address));
});

test('only liars: nothing is handed on, all are named', async () => {
  const lying = [await server({ source: liar(0) }), await server({ source: liar(0) })];
  const rain = await client();
  const error = await failure('MURKY_POLLUTED', () =>
    rain.fetch('x', { servers: lying.map(({ address }) => address) }),
  );
  for (const { address } of lying) assert.match(error.message, text(address));
});

test('a server that cannot read a block leaves it to the others', async () => {
  const honest = await server();
  honest.add('x', value);
  const damaged = liar(6);
  const block = damaged.block;
  damaged.block = (id, version, index) => (index >= 2 ? Promise.reject(new Error('disk')) : block(id, version, index));
  const damagedServer = await server({ source: damaged });
  const rain = await client();
  const both = [damagedServer.address, honest.address];
  assert.ok(same((await rain.fetch('x', { servers: both })).bytes, value));
  await failure('MURKY_NO_SERVER', () => rain.fetch('x', { servers: [damagedServer.address] }));
});

test.run();
