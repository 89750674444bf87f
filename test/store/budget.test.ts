import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BLOCK_BYTES } from '../../src/object/manifest.js';
import { recordBytes } from '../../src/store/block-record.js';
import { levelDisk } from '../../src/store/disk.js';
import { inFolder, MIB, withStore } from './beds.js';

const CHILD = fileURLToPath(new URL('budget-child.ts', import.meta.url));
const MAX_BYTES = 32 * MIB;
const LIVES = 3;
/** So much is put in each life: the store is full in the first. */
const LIFE_BYTES = 48 * MIB;

test('the whole folder stays within the budget, by a block at most, while its process is killed again and again', () =>
  inFolder(async (folder) => {
    let number = 0;
    let most = 0;
    const measure = async () => {
      most = Math.max(most, await levelDisk.bytesIn(folder));
    };
    for (let life = 0; life < LIVES; life++) {
      const child = fork(CHILD, [folder, `${MAX_BYTES}`, `${number}`], { execArgv: ['--import', 'tsx'] });
      let bytes = 0;
      child.on('message', (message) => {
        const told = message as { number: number; bytes: number };
        number = Math.max(number, told.number);
        bytes += told.bytes;
        if (bytes > LIFE_BYTES) child.kill('SIGKILL');
      });
      const ended = once(child, 'exit');
      let running = true;
      void ended.then(() => {
        running = false;
      });
      while (running) {
        await measure();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      assert.is((await ended)[1], 'SIGKILL');
      await measure();
    }
    assert.ok(most > 0.7 * MAX_BYTES, `the store was full: ${most} bytes`);
    assert.ok(most <= MAX_BYTES + recordBytes(BLOCK_BYTES), `${most} bytes were on the disk, ${MAX_BYTES} may be`);
    await withStore({ folder, maxBytes: MAX_BYTES, wholeFolder: true }, async (store) => {
      await measure();
      assert.ok(store.stats().objects > 0);
    });
    assert.ok(most <= MAX_BYTES + recordBytes(BLOCK_BYTES), `${most} bytes after the last start`);
  }));

test('what the index takes is set aside from the budget', () =>
  inFolder(async (folder) => {
    const maxBytes = 16 * MIB;
    await withStore({ folder, maxBytes, wholeFolder: true }, async (store) => {
      for (let i = 0; i < 8; i++)
        await store.facts.put(
          `${i}`,
          new Uint8Array(MIB).map((_, at) => (at * 7919 * (i + 1)) >> 5),
        );
    });
    await withStore({ folder, maxBytes, wholeFolder: true }, async (store) => {
      const writer = store.begin();
      const block = new Uint8Array(MIB);
      let written = 0;
      try {
        for (; written < 16; written++) await writer.write(written, block);
      } catch (error) {
        assert.is((error as { code?: string }).code, 'MURKY_STORE_FULL');
      }
      assert.is(written, 7, 'half of the budget is for values in any case, less the headers');
      await writer.abort();
      assert.is(store.stats().maxBytes, maxBytes);
    });
  }));

test.run();
