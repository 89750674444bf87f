import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RESOURCE, RealLoop, randomBlocks, VERSION } from '../rain/real-loop.js';

/** EngineLimits.max_blocks_wanted, docs/rain.md. */
const MOST_WANTED = 256;

async function withLoops(
  blocks: readonly Uint8Array[],
  use: (client: RealLoop, fetch: number) => Promise<void>,
): Promise<void> {
  const server = new RealLoop({}, blocks);
  const client = new RealLoop();
  try {
    const servers = [{ host: '127.0.0.1', port: server.port }];
    await use(client, client.loop.openFetch({ resource: RESOURCE, version: VERSION, symbolBytes: 1344, servers }));
  } finally {
    client.loop.close();
    server.loop.close();
  }
}

test('blocks are wanted without waiting for the packet loop each time', () =>
  withLoops([], async ({ loop }, fetch) => {
    const before = loop.counters();
    for (let block = 0; block < MOST_WANTED; block++) assert.is(loop.want(fetch, block, 5000), true);
    const turns = loop.counters().waitCalls! - before.waitCalls!;
    assert.ok(turns < MOST_WANTED / 2, `the loop took ${turns} turns for ${MOST_WANTED} blocks`);
  }));

test('what the loop would refuse is refused at once', () =>
  withLoops([], async ({ loop }, fetch) => {
    assert.is(loop.want(fetch, 0, 5000), true);
    assert.is(loop.want(fetch, 0, 5000), false, 'it is wanted already');
    assert.is(loop.want(fetch, 1, 0), false, 'no block is empty');
    assert.is(loop.want(fetch, 1, 8193 * 1344), false, 'too many symbols');
    assert.is(loop.want(fetch + 1, 1, 5000), false, 'there is no such fetch');
    for (let block = 1; block < MOST_WANTED; block++) assert.is(loop.want(fetch, block, 5000), true);
    assert.is(loop.want(fetch, MOST_WANTED, 5000), false, 'as many as are allowed at once');
    loop.closeFetch(fetch);
    assert.is(loop.want(fetch, MOST_WANTED, 5000), false, 'closed');
  }));

test('a block that has come makes room, and may be wanted again', async () => {
  const blocks = randomBlocks(MOST_WANTED + 1, 5000);
  await withLoops(blocks, async (client, fetch) => {
    const came = (block: number) => client.event('blockDecoded', (decoded) => decoded.block === block);
    for (let block = 0; block < MOST_WANTED; block++) client.loop.want(fetch, block, 5000);
    for (let block = 0; block < MOST_WANTED; block++) assert.ok(await came(block), `block ${block}`);
    client.events.length = 0;
    assert.is(client.loop.want(fetch, MOST_WANTED, 5000), true);
    assert.is(client.loop.want(fetch, 0, 5000), true);
    assert.ok(blocks[0]!.equals((await came(0))!.bytes.take()));
    assert.ok(blocks[MOST_WANTED]!.equals((await came(MOST_WANTED))!.bytes.take()));
  });
});

test.run();
