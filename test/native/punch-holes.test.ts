import { randomBytes } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { punchHoles } from '../../src/native/punch-holes.js';

const BLOCK = 4096;

test('a hole reads as zeros, its neighbours as before, and the file keeps its size and takes less room', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'murky-holes-'));
  const bytes = randomBytes(64 * BLOCK);
  const file = await open(join(folder, 'file'), 'w+');
  try {
    await file.writeFile(bytes);
    await file.sync();
    const before = await file.stat();
    const holes = [
      { offset: 2 * BLOCK, length: 10 * BLOCK },
      { offset: 40 * BLOCK, length: BLOCK },
    ];
    assert.is(await punchHoles(file.fd, holes), true);
    const after = await file.stat();
    assert.is(after.size, before.size);
    assert.ok(before.blocks - after.blocks >= (11 * BLOCK) / 512, `${before.blocks} blocks, then ${after.blocks}`);
    for (const { offset, length } of holes) bytes.fill(0, offset, offset + length);
    const { buffer } = await file.read(Buffer.alloc(bytes.length), 0, bytes.length, 0);
    assert.ok(bytes.equals(buffer));
  } finally {
    await file.close();
    await rm(folder, { recursive: true, force: true });
  }
});

test('what cannot have a hole is told with a code', async () => {
  const file = await open(tmpdir(), 'r');
  try {
    await punchHoles(file.fd, [{ offset: 0, length: BLOCK }]);
    assert.unreachable();
  } catch (error) {
    assert.is((error as NodeJS.ErrnoException).code, 'EIO');
  } finally {
    await file.close();
  }
});

test.run();
