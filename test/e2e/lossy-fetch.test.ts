import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanUp, NodeProcess, someBytes, temporaryFolder } from './node-process.js';

const MIB = 2 ** 20;
const KEY = '33'.repeat(32);
const murky = fileURLToPath(new URL('../../dist/cli/murky.js', import.meta.url));

test.after(cleanUp);

interface Answer {
  bytes: number;
  seconds: number;
  sha256: string;
  overhead: number;
  servers: { address: string; symbols: number; rate: number; loss: number }[];
}

function run(words: string[]): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [murky, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

test('murky fetch from two nodes at 20 % loss', async () => {
  const lossy = { config: { 'pouring-rain.drop-fraction': 0.2, 'cluster.replicas': 1 }, key: KEY };
  const nodes = await Promise.all([NodeProcess.start(lossy), NodeProcess.start(lossy)]);
  const bytes = someBytes(16 * MIB + 1, 9);
  const digest = createHash('sha256').update(bytes).digest('hex');
  // Each node is a cluster of its own and would give its own version to the key: a fetch takes the newest.
  for (const node of nodes) assert.is((await node.put('lossy', bytes)).status, 201);

  const out = join(temporaryFolder(), 'lossy');
  const servers = nodes.map((node) => node.rain).join(',');
  const keyFile = join(nodes[0]!.folder, 'cluster.key');
  const fetched = await run(['fetch', 'lossy', '--servers', servers, '--key-file', keyFile, '-o', out, '--json']);
  assert.is(fetched.code, 0, fetched.err);
  const answer = JSON.parse(fetched.out) as Answer;
  assert.is(answer.bytes, bytes.length);
  assert.is(answer.sha256, digest);
  assert.ok(answer.overhead < 0.05, `overhead ${answer.overhead}`);
  const busy = answer.servers.filter((server) => server.symbols > 0);
  assert.ok(busy.length >= 1);
  for (const server of busy)
    assert.ok(server.loss > 0.1 && server.loss < 0.3, `${server.address}: loss ${server.loss}`);
  assert.is(Buffer.compare(readFileSync(out), bytes), 0);

  const missing = await run(['fetch', 'not-there', '--servers', servers, '--key-file', keyFile, '--json']);
  assert.is(missing.code, 3, missing.err);
  assert.not.match(missing.err, /\n\s+at /);
});

test.run();
