import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { addon } from '../../src/native/addon.js';
import { fileWrites } from '../../src/native/file-writes.js';
import { crc32Here } from '../../src/seam/digest.js';
import { decodeRecord, encodeHeader, HEADER_BYTES, sumHeader } from '../../src/store/block-record.js';

async function withFile(run: (file: FileHandle, path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'murky-writes-'));
  const path = join(folder, 'file');
  const file = await open(path, 'w+');
  try {
    await run(file, path);
  } finally {
    await file.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function refusedWith(writing: Promise<void>): Promise<string | undefined> {
  return await writing.then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
}

for (const after of ['nothing', 'start', 'sync'] as const) {
  test(`parts stand one behind the other where they were to, then ${after}`, async () => {
    await withFile(async (file, path) => {
      const parts = [0, 1, 300_000, 0, 70_000, 5, 0].map((length) => randomBytes(length));
      await fileWrites.write(file.fd, parts, 0, after);
      await fileWrites.write(file.fd, [Buffer.from('behind')], 400_000, after);
      await fileWrites.write(file.fd, [], 7, after);
      const expected = Buffer.concat([...parts, Buffer.alloc(400_000 - 370_006), Buffer.from('behind')]);
      assert.ok(expected.equals(await readFile(path)));
    });
  });
}

test('more parts than the system takes at once', async () => {
  await withFile(async (file, path) => {
    const parts = Array.from({ length: 5000 }, (_, i) => Buffer.from(`${i},`));
    await fileWrites.write(file.fd, parts, 3, 'nothing');
    assert.ok(Buffer.concat([Buffer.alloc(3), ...parts]).equals(await readFile(path)));
  });
});

test('headers of records get the sums that they get in JavaScript', async () => {
  if (!fileWrites.sums) return;
  await withFile(async (file, path) => {
    const blocks = [1, 64, 100_001].map((length) => randomBytes(length));
    const headers = blocks.map((block, index) => encodeHeader({ slot: 2 ** 40 + 1, index }, block.length));
    const copy = randomBytes(33);
    const parts = [copy, ...blocks.flatMap((block, i) => [headers[i]!.fill(0xff, 20), block])];
    await fileWrites.write(file.fd, parts, 0, 'nothing', [1, 3, 5]);
    const written = await readFile(path);
    assert.ok(copy.equals(written.subarray(0, copy.length)));
    let at = copy.length;
    for (const [index, block] of blocks.entries()) {
      const record = written.subarray(at, at + HEADER_BYTES + block.length);
      at += record.length;
      const found = decodeRecord(record, { slot: 2 ** 40 + 1, index }, block.length);
      assert.ok(found && block.equals(found), `record ${index}`);
      const here = encodeHeader({ slot: 2 ** 40 + 1, index }, block.length);
      sumHeader(here, block, crc32Here);
      assert.ok(here.equals(record.subarray(0, HEADER_BYTES)));
    }
  });
});

test('what the system refuses has its code', async () => {
  await withFile(async (_, path) => {
    const read = await open(path, 'r');
    const full = await open('/dev/full', 'w').catch(() => undefined);
    try {
      assert.is(await refusedWith(fileWrites.write(read.fd, [Buffer.from('a')], 0, 'sync')), 'EBADF');
      if (full) assert.is(await refusedWith(fileWrites.write(full.fd, [Buffer.from('a')], 0, 'sync')), 'ENOSPC');
    } finally {
      await read.close();
      await full?.close();
    }
  });
});

test('what is no write is refused before anything is written', async () => {
  await withFile(async (file, path) => {
    const header = Buffer.alloc(HEADER_BYTES);
    const block = Buffer.alloc(10);
    const refused = [
      ['no array', 0, 0, []],
      [[block, 'text'], 0, 0, []],
      [[block], -1, 0, []],
      [[block], 1.5, 0, []],
      [[block], 0, 3, []],
      [[header, block], 0, 0, 'none'],
      [[header, block], 0, 0, [1]],
      [[block, header], 0, 0, [0]],
      [[header], 0, 0, [0]],
      [[header, block], 0, 0, [0xffff_ffff]],
    ];
    for (const given of refused) {
      assert.throws(() => (addon().writeParts as (...all: unknown[]) => unknown)(file.fd, ...given));
    }
    assert.is((await readFile(path)).length, 0);
  });
});

test.run();
