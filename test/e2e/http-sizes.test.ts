import { createHash } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanUp, NodeProcess, someBytes } from './node-process.js';

const MIB = 2 ** 20;
const sizes = { '0 B': 0, '1 B': 1, '1 MiB - 1': MIB - 1, '1 MiB': MIB, '1 MiB + 1': MIB + 1, '64 MiB': 64 * MIB };

let node: NodeProcess;
test.before(async () => {
  node = await NodeProcess.start();
});
test.after(cleanUp);

for (const [name, size] of Object.entries(sizes)) {
  test(`put, get, delete of ${name}`, async () => {
    const key = `size/${name}`;
    const bytes = someBytes(size, size + 1);
    const digest = createHash('sha256').update(bytes).digest('hex');
    const put = await node.put(key, bytes, { 'content-type': 'image/x-test' });
    assert.is(put.status, 201);
    assert.is(((await put.json()) as { sha256: string }).sha256, digest);

    const got = await node.get(key);
    assert.is(got.status, 200);
    assert.is(got.headers.get('content-type'), 'image/x-test');
    assert.is(got.headers.get('content-length'), String(size));
    assert.is(got.headers.get('etag'), `"${digest}"`);
    const back = new Uint8Array(await got.arrayBuffer());
    assert.is(back.length, size);
    assert.is(createHash('sha256').update(back).digest('hex'), digest);

    assert.is((await node.delete(key)).status, 204);
    assert.is((await node.get(key)).status, 404);
  });
}

test('an overwritten object comes back new, also by its number', async () => {
  await node.put('12345678901234567890', someBytes(10, 1));
  const second = await node.put('12345678901234567890', someBytes(3 * MIB, 2));
  assert.ok(second.ok);
  const got = await fetch(`${node.http}/12345678901234567890`);
  assert.equal(new Uint8Array(await got.arrayBuffer()), someBytes(3 * MIB, 2));
});

test('what was put is there after SIGKILL and a restart', async () => {
  await node.put('kept', someBytes(2 * MIB, 7));
  await node.kill();
  await node.start();
  const got = await node.get('kept');
  assert.is(got.status, 200);
  assert.equal(new Uint8Array(await got.arrayBuffer()), someBytes(2 * MIB, 7));
});

test('SIGTERM drains and ends with 0', async () => {
  const other = await NodeProcess.start();
  assert.is(await other.stop(), 0);
});

test.run();
