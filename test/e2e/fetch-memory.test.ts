import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatAddress } from '../../src/rain/address.js';
import { RainServer } from '../../src/rain/server.js';
import { cleanUp, temporaryFolder } from './node-process.js';

const MIB = 2 ** 20;
const murky = fileURLToPath(new URL('../../dist/cli/murky.js', import.meta.url));
const servers: RainServer[] = [];

test.after(async () => {
  for (const server of servers) await server.close();
  cleanUp();
});

/** What `murky fetch` held of memory at its most, in MiB, as the system counts it. */
async function mostResident(key: string, more: readonly string[]): Promise<number> {
  const list = servers.map(({ address }) => formatAddress(address)).join(',');
  const words = [murky, 'fetch', key, '--servers', list, '--json', '--quiet', ...more];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'inherit'] });
  let most = 0;
  const looking = setInterval(() => {
    const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'latin1'));
    most = Math.max(most, Number(found?.[1] ?? 0) / 1024);
  }, 10);
  const [code] = await once(child, 'exit');
  clearInterval(looking);
  assert.is(code, 0);
  return most;
}

// Over paths as short as these a fetch wants twelve blocks at a time. Before blocks that it is done with were free again
// at once it took 48 to 51 MiB here.
test('what a fetch adds to resident memory is the blocks that it looks ahead, whatever the length of the object', async () => {
  if (process.platform !== 'linux') return;
  const large = Buffer.alloc(256 * MIB);
  for (let at = 0; at < large.length; at += MIB) large.writeUInt32LE(at, at); // no block is like another one
  for (let n = 0; n < 2; n++) {
    const server = await RainServer.listen({ maxRateBitsPerSecond: 400e6, dropFraction: 0.05 });
    server.add('large', large);
    server.add('small', large.subarray(0, 1));
    servers.push(server);
  }
  const before = await mostResident('small', []);
  for (const more of [[], ['--output', join(temporaryFolder(), 'large')]]) {
    const took = (await mostResident('large', more)) - before;
    assert.ok(took <= 40, `${took} MiB more than for an object of one byte, with ${more[0] ?? 'no file'}`);
  }
});

test.run();
