import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BLOCK_BYTES } from '../../src/object/manifest.js';
import type { Address, BlockSource } from '../../src/rain/contract.js';
import { MemorySource } from '../../src/rain/memory-source.js';
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

test('a lying server spoils nothing, and is named', async () => {
  const honest = [await server(), await server()];
  for (const one of honest) one.add('x', value);
  const lying = await server({ source: liar(1) });
  const rain = await client();
  // Which blocks it spoils, if any, and whether they decode to wrong bytes or not at all, differs each time.
  const named: string[] = [];
  for (let time = 0; time < 10; time++) {
    const { bytes, report } = await rain.fetch('x', { servers: [lying, ...honest].map(({ address }) => address) });
    assert.ok(same(bytes, value));
    named.push(...report.culprits);
  }
  assert.equal([...new Set(named)], [text(lying.address)]);
});

test('the log names the culprit', async () => {
  const honest = await server();
  honest.add('x', value);
  const lying = await server({ source: liar(0) });
  const warned: string[] = [];
  const note = (facts: object) => void warned.push(JSON.stringify(facts));
  const rain = await client({ log: { debug() {}, info() {}, warn: note, error: note } });
  for (let time = 0; time < 10 && warned.length === 0; time++) {
    await rain.fetch('x', { servers: [lying.address, honest.address] });
  }
  assert.ok(warned.some((facts) => facts.includes(text(lying.address)) && !facts.includes(text(honest.address))));
});

test('most servers lying is no harm either', async () => {
  const honest = await server();
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
