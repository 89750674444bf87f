import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { FetchSpec } from '../../src/native/addon.js';
import { RainEndpoint } from '../../src/rain/endpoint.js';
import { MemorySource } from '../../src/rain/memory-source.js';
import { RealLoop, randomBlocks } from './real-loop.js';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');
const addonFile = fileURLToPath(new URL('../../build/Release/murky.node', import.meta.url));

/** Threads of packet loops in this process; undefined where the system does not tell. */
function loopThreads(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  return readdirSync('/proc/self/task').filter((task) => {
    try {
      return readFileSync(`/proc/self/task/${task}/comm`, 'utf8').trim() === 'murky-rain';
    } catch {
      return false; // gone meanwhile
    }
  }).length;
}

async function collectUntil(done: () => boolean): Promise<void> {
  for (let i = 0; i < 50 && !done(); i++) {
    collect();
    await sleep(20);
  }
}

function spec(...ports: number[]): FetchSpec {
  const servers = ports.map((port) => ({ host: '127.0.0.1', port }));
  return { resource: 1n, version: new Uint8Array(16), symbolBytes: 1344, servers };
}

test.before.each(() => {
  if (loopThreads()) assert.is(loopThreads(), 0, 'an earlier test left a thread');
});

test('closed at once, twice, and used after that', async () => {
  const { loop, events } = new RealLoop();
  const address = loop.address();
  loop.close();
  loop.close();
  assert.equal(loop.address(), address);
  assert.is(loop.openFetch(spec(1)), 0);
  assert.is(loop.want(1, 0, 100), false);
  assert.is(loop.addServer(1, { host: '127.0.0.1', port: 1 }), false);
  assert.is(loop.removeServer(1, 0), false);
  assert.is(loop.fetchReport(1), undefined);
  assert.is(loop.request(1n, '127.0.0.1', 1, new Uint8Array(1), 10), false);
  loop.provideBlock(1n, new Uint8Array(16), 0, new Uint8Array(1));
  const place = { descriptor: openSync(addonFile, 'r'), offset: 0, length: 9, sha256: new Uint8Array(32) };
  assert.is(await loop.provideFromFile(1n, new Uint8Array(16), 0, place), false);
  const sha256 = createHash('sha256').update(readFileSync(addonFile).subarray(0, 9)).digest();
  assert.is(await loop.provideFromFile(1n, new Uint8Array(16), 0, { ...place, sha256 }), true);
  closeSync(place.descriptor);
  loop.refuseBlock(1n, new Uint8Array(16), 0, 1);
  loop.forgetResource(1n);
  loop.closeFetch(1);
  loop.respond(1n, new Uint8Array(1));
  loop.setDropFraction(0.5);
  assert.is(loop.counters().datagramsOut, 0);
  await sleep(50);
  assert.equal(events, []);
});

test('closed in the middle of a fetch, on either side: no event comes after', async () => {
  const blocks = randomBlocks(8, 2 ** 20);
  const server = new RealLoop({}, blocks);
  for (let round = 0; round < 10; round++) {
    const client = new RealLoop();
    const fetch = client.loop.openFetch(spec(server.port));
    for (const [i, block] of blocks.entries()) client.loop.want(fetch, i, block.length);
    await sleep(round * 3);
    client.loop.close();
    const seen = client.events.length;
    await sleep(5);
    assert.is(client.events.length, seen);
  }
  server.loop.close();
});

test('closed by its own callback', async () => {
  const server = new RealLoop();
  const client = new RealLoop();
  const { loop } = client;
  for (let id = 0n; id < 50n; id++) loop.request(id, '127.0.0.1', server.port, new Uint8Array(1), 5000);
  await client.event('response', () => {
    loop.close();
    return true;
  });
  const seen = client.events.length;
  await sleep(50);
  assert.is(client.events.length, seen);
  server.loop.close();
});

test('collected without close: the threads end', async () => {
  (() => {
    for (let i = 0; i < 20; i++) new RealLoop().loop.counters();
  })();
  await collectUntil(() => !loopThreads());
  assert.is(loopThreads() ?? 0, 0);
});

test('not collected while someone waits for an answer or a block', async () => {
  const server = new RealLoop();
  let answered: string | undefined;
  (() => {
    // Reachable from itself alone.
    const client = new RealLoop();
    client.loop.request(1n, '127.0.0.1', 9, new Uint8Array(1), 600);
    void client.event('timeout').then((event) => {
      answered = event?.type;
    });
  })();
  await collectUntil(() => answered !== undefined);
  assert.is(answered, 'timeout');
  await collectUntil(() => loopThreads() === 1);
  server.loop.close();
});

test('not collected while it serves, though nobody holds the endpoint', async () => {
  let held: WeakRef<RainEndpoint> | undefined;
  const open = async () => {
    const endpoint = await RainEndpoint.open();
    endpoint.serve(new MemorySource());
    held = new WeakRef(endpoint);
    return endpoint.address.port;
  };
  const port = await open();
  await collectUntil(() => held?.deref() === undefined);
  const client = new RealLoop();
  const lookUp = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 7]);
  assert.ok(client.loop.request(1n, '127.0.0.1', port, lookUp, 3000));
  assert.is((await client.event('response'))?.payload[0], 0);
  client.loop.close();
  await held?.deref()?.close();
});

test('a worker that ends, is terminated or throws takes its loops along', async () => {
  const program = `
    const { Loop } = require(${JSON.stringify(addonFile)});
    const { workerData } = require('node:worker_threads');
    const make = () => new Loop({ host: '127.0.0.1', port: 0, loopbackOnly: true }, () => {});
    const [a, b] = [make(), make()];
    const server = [{ host: '127.0.0.1', port: b.address().port }];
    const fetch = a.openFetch({ resource: 1n, version: new Uint8Array(16), symbolBytes: 1344, servers: server });
    a.want(fetch, 0, 100000);
    const file = require('node:fs').openSync(${JSON.stringify(addonFile)});
    for (let i = 0; i < 20; i++) {
      const place = { descriptor: file, offset: i, length: 2 ** 19, sha256: new Uint8Array(32) };
      a.provideFromFile(1n, new Uint8Array(16), i, place);
    }
    for (let i = 0n; i < 20n; i++) a.request(i, '127.0.0.1', b.address().port, new Uint8Array(9), 60000);
    if (workerData === 0) process.exit(0);
    if (workerData === 1) throw new Error('on purpose');
    if (workerData === 2) setTimeout(() => {}, 60000); // to be terminated
    if (workerData === 3) { a.close(); b.close(); }
    // 4: nothing is left to do, so the worker ends`;
  for (let i = 0; i < 40; i++) {
    const worker = new Worker(program, { eval: true, workerData: i % 5 });
    const gone = new Promise((resolve) => worker.once('exit', resolve));
    worker.on('error', (error) => assert.is(error.message, 'on purpose'));
    if (i % 5 === 2) {
      await sleep(i);
      await worker.terminate();
    }
    await gone;
  }
  assert.is(loopThreads() ?? 0, 0);
});

test('a process ends by itself with a loop that was not closed', () => {
  const program = `
    const { Loop } = require(${JSON.stringify(addonFile)});
    const loop = new Loop({ host: '127.0.0.1', port: 0, loopbackOnly: true }, () => {});
    loop.request(1n, '127.0.0.1', loop.address().port, new Uint8Array(1), 60000);`;
  for (const ending of ['', 'process.exit(7)', 'setImmediate(() => process.exit(7))']) {
    const run = spawnSync(process.execPath, ['-e', program + ending], { encoding: 'utf8', timeout: 20_000 });
    assert.is(run.status, ending ? 7 : 0, run.stderr);
    assert.is(run.stderr, '');
  }
});

test('an error thrown by the callback is an uncaught exception, not a crash', () => {
  const program = `
    const { Loop } = require(${JSON.stringify(addonFile)});
    process.on('uncaughtException', (error) => { console.log(error.message); process.exit(0); });
    setTimeout(() => {}, 10000);
    const loop = new Loop({ host: '127.0.0.1', port: 0, loopbackOnly: true }, () => { throw new Error('mine'); });
    loop.request(1n, '127.0.0.1', 9, new Uint8Array(1), 10);`;
  const run = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8', timeout: 20_000 });
  assert.is(run.stdout, 'mine\n');
  assert.is(run.status, 0);
});

test.run();
