/** The store on files that write, sum and sync in one go, as a node has them. */
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fileWrites } from '../../src/native/file-writes.js';
import { punchHoles } from '../../src/native/punch-holes.js';
import { resourceId } from '../../src/object/key.js';
import type { AfterWrite, FileWrites } from '../../src/seam/file-writes.js';
import { levelDiskWith } from '../../src/store/disk.js';
import { nodeFiles, nodeFilesWith } from '../../src/store/node-files.js';
import { inFolder, MIB, segments, withStore } from './beds.js';
import { rejects } from './expect.js';
import { content, put, version } from './objects.js';

const SIZES = [16_385, 100_000, MIB, 3 * MIB + 5, 20_000];

const putAll = (folder: string, disk = levelDiskWith(nodeFiles)) =>
  withStore({ folder, disk, segmentBytes: 2 * MIB }, async (store) => {
    for (const [i, size] of SIZES.entries()) await put(store, `key ${i}`, content(size, i), version(i + 1));
  });

test('segments hold the same bytes as with files that write and nothing more', async () => {
  await inFolder(async (folder) => {
    const after: AfterWrite[] = [];
    let summed = 0;
    const noting: FileWrites = {
      sums: fileWrites.sums,
      write: (descriptor, parts, offset, next, headers = []) => {
        after.push(next);
        summed += headers.length;
        return fileWrites.write(descriptor, parts, offset, next, headers);
      },
    };
    await putAll(join(folder, 'plain'));
    await putAll(join(folder, 'combined'), levelDiskWith(nodeFilesWith(punchHoles, noting)));
    const [plain, combined] = [await segments(join(folder, 'plain')), await segments(join(folder, 'combined'))];
    assert.equal(Object.keys(combined), Object.keys(plain));
    for (const [name, bytes] of Object.entries(plain)) assert.ok(bytes.equals(combined[name]!), name);
    // Large blocks are on their way to the disk before their sync, and each commit is one write of the journal.
    assert.ok(after.filter((one) => one === 'start').length >= 4, `${after}`);
    assert.ok(after.filter((one) => one === 'sync').length >= SIZES.length, `${after}`);
    assert.is(summed, fileWrites.sums ? SIZES.length + 2 : 0);
    await withStore({ folder: join(folder, 'combined') }, async (store) => {
      const current = await store.current(resourceId('key 3'));
      const block = await store.block(resourceId('key 3'), current!.version, 3);
      assert.ok(
        content(SIZES[3]!, 3)
          .subarray(3 * MIB)
          .equals(Buffer.from(block!)),
      );
    });
  });
});

for (const part of ['sync', 'start'] as const) {
  test(`a put whose ${part === 'sync' ? 'commit' : 'block'} finds the disk full is refused, and the store goes on`, async () => {
    await inFolder(async (folder) => {
      let full = false;
      const failing: FileWrites = {
        sums: fileWrites.sums,
        write: async (descriptor, parts, offset, next, headers) => {
          if (!full || next !== part) return await fileWrites.write(descriptor, parts, offset, next, headers);
          await fileWrites.write(descriptor, [parts[0]!.subarray(0, 10)], offset, 'nothing');
          throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
        },
      };
      const disk = levelDiskWith(nodeFilesWith(punchHoles, failing));
      await withStore({ folder, disk, maxBytes: 512 * MIB }, async (store) => {
        await put(store, 'key', content(MIB, 1), version(1));
        full = true;
        await rejects(put(store, 'key', content(MIB, 2), version(2)), 'MURKY_DISK_FULL');
        full = false;
        assert.is((await store.current(resourceId('key')))?.version.time, 1n);
        await put(store, 'key', content(MIB, 3), version(3));
        assert.is((await store.current(resourceId('key')))?.version.time, 3n);
      });
      await withStore({ folder, disk, maxBytes: 512 * MIB }, async (store) => {
        const block = await store.block(resourceId('key'), version(3), 0);
        assert.ok(content(MIB, 3).equals(Buffer.from(block!)));
      });
    });
  });
}

test('a file is not closed while it is being written past its handle', async () => {
  await inFolder(async (folder) => {
    let end = () => {};
    const slow: FileWrites = {
      sums: false,
      write: () =>
        new Promise((resolve) => {
          end = resolve;
        }),
    };
    const file = await nodeFilesWith(punchHoles, slow).open(join(folder, 'file'), 'new');
    const order: string[] = [];
    const writing = file.write([Buffer.from('a')], 0).then(() => order.push('written'));
    const closing = file.close().then(() => order.push('closed'));
    await file.size();
    end();
    await Promise.all([writing, closing]);
    assert.equal(order, ['written', 'closed']);
  });
});

test.run();
