import { type ChildProcess, spawn } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RainClient } from '../../src/index.js';

const MIB = 2 ** 20;
const SERVERS = 4;
const BLOCKS = 16;
/** Blocks that the client may be ahead of its reader. */
const WINDOW_BLOCKS = 6;
const READ_BEFORE_THE_KILL = 3;
const library = new URL('../../dist/index.js', import.meta.url);

/** Bytes that look random and are the same in each process. */
const tide = (cipher: typeof createCipheriv, bytes: number): Uint8Array =>
  cipher('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(bytes));

const running: ChildProcess[] = [];
test.after(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** A server in a process of its own, that sends no faster than 24 Mbit/s to anybody. */
async function serve(): Promise<{ child: ChildProcess; address: string }> {
  const code = `
    import { RainServer } from '${library}';
    import { createCipheriv } from 'node:crypto';
    const server = await RainServer.listen({ maxRatePerPeerBitsPerSecond: 24_000_000 });
    server.add('tide', (${tide})(createCipheriv, ${BLOCKS * MIB}), { version: { time: 1n, node: 1n } });
    console.log(server.address.port);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push(child);
  const [port] = await once(child.stdout, 'data');
  return { child, address: `127.0.0.1:${Number(port)}` };
}

test('one of four server processes is killed in the middle of a fetch: the others give what it owes', async () => {
  const servers = await Promise.all(Array.from({ length: SERVERS }, serve));
  const doomed = servers[1]!;
  const client = await RainClient.open();
  try {
    const { body, report } = await client.stream('tide', {
      servers: servers.map(({ address }) => address),
      windowBlocks: WINDOW_BLOCKS,
    });
    const pieces: Uint8Array[] = [];
    const usefulOf = (address: string) => report().servers.find((server) => server.address === address)!.useful;
    for await (const piece of body) {
      pieces.push(piece);
      if (pieces.length !== READ_BEFORE_THE_KILL) continue;
      // Nothing is read until it is gone, so no more than the window can have come by then.
      const ended = once(doomed.child, 'close');
      doomed.child.kill('SIGKILL');
      assert.is((await ended)[1], 'SIGKILL');
      assert.ok(usefulOf(doomed.address) > 0, 'it had given something');
    }
    assert.is(Buffer.compare(Buffer.concat(pieces), tide(createCipheriv, BLOCKS * MIB)), 0);
    for (const { address } of servers) assert.ok(usefulOf(address) > 0, `${address} gave something`);
    const most = (report().sourceSymbols / BLOCKS) * (READ_BEFORE_THE_KILL + WINDOW_BLOCKS);
    assert.ok(usefulOf(doomed.address) < most, 'the others had blocks to give without it');
  } finally {
    await client.close();
  }
});

test.run();
