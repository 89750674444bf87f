// Runs on a small file system: fills it, reads from it, makes room, goes on.
import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';
import { isMurkyError } from '../../src/errors.js';
import { ObjectStore } from '../../src/store/object-store.js';
import { content, put, read, version } from './objects.js';

const MIB = 2 ** 20;
const [folder = ''] = process.argv.slice(2);
const ballast = join(dirname(folder), 'ballast');
await writeFile(ballast, Buffer.alloc(70 * MIB));

const acknowledged: number[] = [];
let store = await ObjectStore.open({ folder, maxBytes: 1024 * MIB });
let refused = 0;
for (let i = 0; i < 60 && refused < 3; i++) {
  try {
    await put(store, `object ${i}`, content(MIB + i, i), version(1));
    acknowledged.push(i);
  } catch (error) {
    assert.ok(isMurkyError(error, 'MURKY_DISK_FULL'), String(error));
    refused++;
  }
}
assert.is(refused, 3, 'the file system never became full');
assert.ok(acknowledged.length > 5);

const check = async () => {
  for (const i of acknowledged) assert.equal(await read(store, `object ${i}`), content(MIB + i, i), `object ${i}`);
};
await check();
await rm(ballast);
await new Promise((resolve) => setTimeout(resolve, 1100));
await put(store, 'object 1000', content(MIB, 1000), version(1));
await check();
await store.close();
store = await ObjectStore.open({ folder, maxBytes: 1024 * MIB });
await check();
assert.equal(await read(store, 'object 1000'), content(MIB, 1000));
assert.is(store.stats().objects, acknowledged.length + 1, 'nothing that was refused is there');
await store.close();
process.stdout.write(`ok ${acknowledged.length} objects\n`);
