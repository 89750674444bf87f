import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { BlockSource } from '../../src/index.js';
import { BLOCK_BYTES } from '../../src/object/manifest.js';
import { MemorySource } from '../../src/rain/memory-source.js';
import { PathHistory } from '../../src/rain/path-history.js';
import { systemClock } from '../../src/seam/clock.js';
import { silentLog } from '../../src/seam/log.js';
import { noise, same } from './bytes.js';
import { type NarrowRelay, narrowRelay } from './narrow-relay.js';
import { client, closeAll, pause, server } from './open.js';

// An IPv4 packet of 1280 bytes: without 28 of headers, and 32 of headers inside, in clear, there is room for 19 times 64.
const NARROW_BYTES = 1280 - 28;
const FITS = 1216;
/** The longest on this machine's loopback. */
const LONGEST = 8896;

const relays: NarrowRelay[] = [];
test.after.each(async () => {
  await closeAll();
  for (const relay of relays.splice(0)) relay.close();
});

async function narrow(to: { host: string; port: number }, mostBytes = NARROW_BYTES): Promise<NarrowRelay> {
  const relay = await narrowRelay(to, mostBytes);
  relays.push(relay);
  return relay;
}

const value = noise(3 * BLOCK_BYTES + 17);
const open = () => new PathHistory(systemClock, silentLog);

test('a fetch finds out that its symbols are too long for the path, and the next one knows', async () => {
  const one = await server();
  one.add('x', value);
  const relay = await narrow(one.address);
  const history = open();
  const rain = await client({ history });
  const first = await rain.fetch('x', { servers: [relay.address], stallTimeoutMs: 8000 });
  assert.ok(same(first.bytes, value));
  assert.is(first.report.symbolBytes, FITS);
  assert.ok(relay.swallowed > 0);
  assert.is(history.symbolLimit(relay.address), FITS);

  relay.swallowed = 0;
  const second = await rain.fetch('x', { servers: [relay.address] });
  assert.ok(same(second.bytes, value));
  assert.is(second.report.symbolBytes, FITS);
  assert.is(relay.swallowed, 0, 'nothing was too long');
});

test('a path that becomes narrow in the middle of a fetch', async () => {
  const one = await server({ maxRateBitsPerSecond: 40_000_000 });
  one.add('x', value);
  const relay = await narrow(one.address, LONGEST + 48);
  const rain = await client();
  const blocks: number[] = [];
  const { bytes, report } = await rain.fetch('x', {
    servers: [relay.address],
    onProgress: ({ received }) => {
      blocks.push(received);
      relay.mostBytes = NARROW_BYTES;
    },
  });
  assert.ok(same(bytes, value));
  assert.is(report.symbolBytes, FITS);
  assert.equal(blocks, [1, 2, 3].map((n) => n * BLOCK_BYTES).concat(value.length), 'each block is told of once');
});

test('one narrow path of two is found while the other flows', async () => {
  const [a, b] = [await server({ maxRateBitsPerSecond: 8_000_000 }), await server()];
  for (const one of [a, b]) one.add('x', value);
  const relay = await narrow(b.address);
  const history = open();
  const { bytes, report } = await (await client({ history })).fetch('x', { servers: [a.address, relay.address] });
  assert.ok(same(bytes, value));
  assert.is(history.symbolLimit(relay.address), FITS);
  assert.is(history.symbolLimit(a.address), undefined);
  assert.is(report.symbolBytes, FITS);
  const useful = report.servers.find(({ address }) => address.endsWith(`:${relay.address.port}`))!.useful;
  assert.ok(useful > 0, 'it gives its share');
});

test('a server that is slow to read, and one that is away, say nothing of their paths', async () => {
  const source = new MemorySource();
  const manifest = source.add('x', value);
  const slow: BlockSource = {
    current: (id) => source.current(id),
    manifest: (id, version) => source.manifest(id, version),
    block: async (id, version, index) => {
      await pause(2500);
      return source.block(id, version, index);
    },
  };
  const one = await server({ source: slow });
  const away = await server();
  away.add('x', value);
  const history = open();
  const rain = await client({ history });
  const fetching = rain.fetch('x', { servers: [one.address, away.address] });
  await pause(100);
  await away.close();
  const { bytes, report } = await fetching;
  assert.ok(same(bytes, value));
  assert.is(report.symbolBytes, LONGEST);
  assert.is(history.symbolLimit(one.address), undefined);
  assert.is(history.symbolLimit(away.address), undefined);
  assert.is(manifest.size, value.length);
});

test.run();
