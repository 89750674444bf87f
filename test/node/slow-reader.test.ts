import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultConfig } from '../../src/config/load.js';
import { startGateway } from '../../src/gateway/server.js';
import { silentLog } from '../../src/seam/log.js';
import { pause, Wire } from '../gateway/harness.js';
import { noise } from '../rain/bytes.js';
import { LocalCluster } from './local-cluster.js';

const MIB = 2 ** 20;
/** What the kernel's buffers on both sides of a loopback connection may hold (Linux: 4 + 6 MiB), and some. */
const IN_FLIGHT = 16 * MIB;
/** Blocks ahead of the reader, and the one that is being handed on. */
const AHEAD = 52 * MIB;

// What the reader's node can hold is bounded by what the other one has sent it.
test('a slow HTTP client of an object that is elsewhere holds up the fetch, not the memory', async () => {
  const cluster = new LocalCluster();
  const owner = await cluster.start('owner');
  const reader = await cluster.start('reader', { listed: [owner], weight: 0 });
  await cluster.knows(reader, 1);
  const gateway = await startGateway(reader, { ...defaultConfig(cluster.folder).http, port: 0 }, silentLog);
  const sent = async () => ((await owner.status()).transport.symbolsSent ?? 0) * 1344;
  try {
    await owner.put('large', noise(192 * MIB));
    const before = await sent();
    const wire = new Wire(gateway);
    wire.send('GET /objects/large HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await wire.until(/\r\n\r\n/);
    wire.pause();
    let last = -1;
    for (let now = await sent(); now !== last; now = await sent()) {
      last = now;
      await pause(400);
    }
    assert.ok(last - before <= IN_FLIGHT + AHEAD, `${(last - before) / MIB} MiB were fetched ahead`);
    wire.hangUp();
    const idle = async () => (await owner.status()).transport.subscriptionsActive === 0;
    for (let tries = 0; tries < 100 && !(await idle()); tries++) await pause(50);
    assert.ok(await idle(), 'the fetch ended with the connection');
  } finally {
    await gateway.close();
    await cluster.close();
  }
});

test.run();
