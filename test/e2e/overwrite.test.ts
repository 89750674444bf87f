import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanUp, freePort, NodeProcess, someBytes } from './node-process.js';

const MIB = 2 ** 20;
const KEY = '44'.repeat(32);
const SIZE = 12 * MIB;

test.after(cleanUp);

test('a version overwritten while it is being fetched comes whole or not at all, never mixed', async () => {
  const address = { host: '127.0.0.1', port: await freePort() };
  // 40 Mbit/s: the fetch takes about 2.5 s, so the overwrite falls into its middle.
  const slow = { 'pouring-rain.max-rate-bits-per-second': 40_000_000 };
  const holder = await NodeProcess.start({ key: KEY, rainPort: address.port, config: slow });
  const reader = await NodeProcess.start({ key: KEY, peers: [address], config: { 'cluster.weight': 0 } });
  await reader.meets(1);

  const versions = [1, 2, 3].map((seed) => someBytes(SIZE, seed));
  await holder.put('changing', versions[0]!);
  for (let i = 1; i < versions.length; i++) {
    const got = await reader.get('changing');
    assert.is(got.status, 200);
    const chunks: Uint8Array[] = [];
    let length = 0;
    let cut = false;
    try {
      for await (const chunk of got.body!) {
        chunks.push(chunk);
        if (length < 3 * MIB && length + chunk.length >= 3 * MIB) await holder.put('changing', versions[i]!);
        length += chunk.length;
      }
    } catch {
      cut = true; // the connection was closed before its end: an honest failure
    }
    const bytes = Buffer.concat(chunks);
    const whole = versions.slice(i - 1, i + 1).filter((version) => Buffer.compare(bytes, version) === 0).length;
    const prefix = Buffer.compare(bytes, versions[i - 1]!.subarray(0, bytes.length)) === 0;
    assert.ok(whole === 1 || (cut && prefix), `${bytes.length} bytes that are no version, cut: ${cut}`);
  }
  const last = new Uint8Array(await (await reader.get('changing')).arrayBuffer());
  assert.is(Buffer.compare(last, versions[2]!), 0, 'the newest version is read after the overwrites');
});

test.run();
