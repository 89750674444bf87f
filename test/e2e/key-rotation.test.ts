import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanUp, freePort, NodeProcess, someBytes, until } from './node-process.js';

const OLD = '11'.repeat(32);
const NEW = '22'.repeat(32);
/** The walk-through of docs/security.md: what the key file holds, step by step. */
const STEPS = [[OLD, NEW], [NEW, OLD], [NEW]];

test.after(cleanUp);

test('the key of three nodes is changed under running gets, and none fails', async () => {
  const first = { host: '127.0.0.1', port: await freePort() };
  // Node 2 owns nothing and keeps no part of a value, so each of its ranges comes over the network.
  const shapes = [{ rainPort: first.port }, { peers: [first] }, { peers: [first], config: { 'cluster.weight': 0 } }];
  const nodes = await Promise.all(shapes.map((shape) => NodeProcess.start({ ...shape, key: OLD })));
  const [writer, , reader] = nodes as [NodeProcess, NodeProcess, NodeProcess];
  await Promise.all(nodes.map((node) => node.meets(2)));
  const bytes = someBytes(3_000_000);
  assert.is((await writer.put('rotated', bytes)).status, 201);

  let gets = 0;
  let ended = false;
  const failures: string[] = [];
  const reading = (async () => {
    while (!ended) {
      const from = (gets * 70_001) % (bytes.length - 1_200_000);
      const got = await reader.get('rotated', { headers: { range: `bytes=${from}-${from + 1_199_999}` } });
      const body = new Uint8Array(await got.arrayBuffer());
      const right = got.status === 206 && Buffer.compare(body, bytes.subarray(from, from + 1_200_000)) === 0;
      if (!right) failures.push(`get ${gets}: ${got.status}, ${body.length} bytes`);
      gets++;
    }
  })();
  for (const keys of STEPS) {
    for (const node of nodes) {
      const before = gets;
      writeFileSync(join(node.folder, 'cluster.key'), `${keys.join('\n')}\n`);
      process.kill(node.pid, 'SIGHUP');
      await until('the new keys', 10, async () => (await node.status()).rain.keys.length === keys.length);
      await until('two gets under the new keys', 20, async () => gets >= before + 2);
    }
  }
  ended = true;
  await reading;
  assert.equal(failures, []);

  // The old key is worth nothing now: a node that has only it meets nobody, one that has the new one all.
  const stranger = await NodeProcess.start({ key: OLD, peers: [first] });
  assert.is((await stranger.get('rotated')).status, 404);
  const newcomer = await NodeProcess.start({ key: NEW, peers: [first] });
  await newcomer.meets(3);
  const got = await newcomer.get('rotated');
  assert.is(Buffer.compare(new Uint8Array(await got.arrayBuffer()), bytes), 0);
});

test.run();
