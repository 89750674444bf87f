import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanUp, NodeProcess, someBytes } from './node-process.js';

const KILLS = 30;
const WRITERS = 4;

test.after(cleanUp);

test(`${KILLS} × SIGKILL during puts: every acknowledged object is intact, none is torn`, async () => {
  const node = await NodeProcess.start();
  const acknowledged = new Map<string, number>();
  const attempted = new Map<string, number[]>();
  const counts = new Array<number>(WRITERS).fill(0);

  for (let kill = 0; kill < KILLS; kill++) {
    let stop = false;
    // fetch does not always notice that its server is gone, and then waits for ever.
    const killed = new AbortController();
    // Each writer has keys of its own, so that of two puts of one key the later one must win.
    const writer = async (_: unknown, index: number) => {
      while (!stop) {
        const count = ++counts[index]!;
        const seed = count * WRITERS + index;
        const key = `writer-${index}/object-${count % 7}`;
        attempted.set(key, [...(attempted.get(key) ?? []), seed]);
        try {
          const { signal } = killed;
          const answer = await fetch(node.url(key), { method: 'PUT', body: bytesOf(seed), signal });
          if (answer.status < 300) acknowledged.set(key, seed);
        } catch {
          return; // the node was killed under this put
        }
      }
    };
    const writers = Array.from({ length: WRITERS }, writer);
    await new Promise((resolve) => setTimeout(resolve, 60 + ((kill * 37) % 200)));
    stop = true;
    await node.kill();
    const patience = setTimeout(() => killed.abort(), 5000);
    await Promise.all(writers);
    clearTimeout(patience);
    await node.start();
    if (kill % 5 === 4) await check();
  }
  await check();
  assert.ok(acknowledged.size > 5, `only ${acknowledged.size} keys were ever acknowledged`);

  async function check() {
    for (const [key, least] of acknowledged) {
      const got = await node.get(key);
      assert.is(got.status, 200, `${key} was acknowledged and is gone`);
      const bytes = new Uint8Array(await got.arrayBuffer());
      const whole = attempted.get(key)?.find((candidate) => same(bytes, bytesOf(candidate)));
      assert.ok(whole !== undefined, `${key} has ${bytes.length} bytes that nobody put`);
      assert.ok(whole >= least, `${key} went back to put ${whole}, though ${least} was acknowledged`);
    }
  }
});

function bytesOf(seed: number): Uint8Array {
  return someBytes(seed % 3 === 0 ? 2 ** 20 + seed : 100 + seed, seed);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

test.run();
