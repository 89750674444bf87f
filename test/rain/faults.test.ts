import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BLOCK_BYTES, type Manifest } from '../../src/object/manifest.js';
import type { BlockFetch } from '../../src/rain/contract.js';
import { RainEndpoint } from '../../src/rain/endpoint.js';
import { MemorySource } from '../../src/rain/memory-source.js';
import { noise, same } from './bytes.js';
import { pause } from './open.js';

const VALUE = noise(24 * BLOCK_BYTES);
/** Slow enough that something can happen in the middle. */
const RATE = { maxRatePerPeerBitsPerSecond: 80_000_000 };
const opened: RainEndpoint[] = [];

test.after.each(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

async function serve(port = 0): Promise<{ endpoint: RainEndpoint; manifest: Manifest }> {
  const endpoint = await RainEndpoint.open({ ...RATE, port });
  opened.push(endpoint);
  const source = new MemorySource();
  const manifest = source.add('x', VALUE, { version: { time: 1n, node: 1n } });
  endpoint.serve(source);
  return { endpoint, manifest };
}

async function begin(servers: readonly RainEndpoint[], manifest: Manifest): Promise<BlockFetch> {
  const endpoint = await RainEndpoint.open({});
  opened.push(endpoint);
  return endpoint.fetch(
    manifest,
    servers.map((one) => one.address),
  );
}

/** Reads it all, with something that happens behind block 4; the value must be intact. */
async function readWith(fetch: BlockFetch, event: () => Promise<void>): Promise<void> {
  const chunks: Uint8Array[] = [];
  let happens: Promise<void> | undefined;
  for await (const { index, bytes } of fetch) {
    chunks.push(Buffer.from(bytes));
    if (index === 4) happens = event();
  }
  await happens;
  assert.ok(same(Buffer.concat(chunks), VALUE));
}

/** Symbols that came and helped no decoder, as a share of the source symbols. */
function waste(fetch: BlockFetch): number {
  const { servers, decodingSymbols, sourceSymbols } = fetch.report();
  return (servers.reduce((sum, { symbols }) => sum + symbols, 0) - decodingSymbols) / sourceSymbols;
}

test('a server that is restarted in the middle, with another boot and another secret, goes on serving', async () => {
  const [staying, restarted] = [await serve(), await serve()];
  const fetch = await begin([staying.endpoint, restarted.endpoint], staying.manifest);
  let before = 0;
  let again: RainEndpoint | undefined;
  await readWith(fetch, async () => {
    const { port } = restarted.endpoint.address;
    await restarted.endpoint.close();
    before = fetch.report().servers[1]!.useful;
    again = (await serve(port)).endpoint;
  });
  assert.ok(again!.counters().symbolsSent! > 0, 'the new process was asked');
  assert.ok(fetch.report().servers[1]!.useful > before, 'and what it gave was of use');
  assert.ok(waste(fetch) < 0.05, `${waste(fetch)} of the symbols came for nothing`);
});

test('the only server is restarted in the middle', async () => {
  const one = await serve();
  const fetch = await begin([one.endpoint], one.manifest);
  await readWith(fetch, async () => {
    const { port } = one.endpoint.address;
    await one.endpoint.close();
    await serve(port);
  });
  assert.ok(waste(fetch) < 0.05, `${waste(fetch)} of the symbols came for nothing`);
});

test('a server that joins in the middle takes its share', async () => {
  const [first, joining] = [await serve(), await serve()];
  const fetch = await begin([first.endpoint], first.manifest);
  await readWith(fetch, async () => fetch.addServer(joining.endpoint.address));
  const [, joined] = fetch.report().servers;
  assert.ok(joined!.useful > 512, `${joined!.useful} symbols of ${24 * 781}: more than the first request`);
  assert.ok(waste(fetch) < 0.05, `${waste(fetch)} of the symbols came for nothing`);
});

test('a server that falls silent in the middle is passed over, and serves again when it is back', async () => {
  const [staying, stalling] = [await serve(), await serve()];
  const fetch = await begin([staying.endpoint, stalling.endpoint], staying.manifest);
  let back = 0;
  await readWith(fetch, async () => {
    stalling.endpoint.setDropFraction(1);
    await pause(600);
    back = fetch.report().servers[1]!.useful;
    stalling.endpoint.setDropFraction(0);
  });
  assert.ok(back > 0 && fetch.report().servers[1]!.useful > back, 'it served before and after');
  assert.ok(waste(fetch) < 0.05, `${waste(fetch)} of the symbols came for nothing`);
});

test.run();
