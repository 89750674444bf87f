// Writes one large object and reads it back, and prints the most memory that JavaScript held meanwhile, in MiB.
import { createHash } from 'node:crypto';
import * as assert from 'uvu/assert';
import { sha256 } from '../../src/object/manifest.js';
import { ObjectStore } from '../../src/store/object-store.js';
import { content, manifestOf, version } from './objects.js';

const MIB = 2 ** 20;
const IN_FLIGHT = 4;
const [folder = '', mib = '256'] = process.argv.slice(2);
const blocks = Number(mib);
let mostBytes = 0;
const sample = () => {
  const { heapUsed, external } = process.memoryUsage();
  mostBytes = Math.max(mostBytes, heapUsed + external);
};
const blockAt = (index: number) => content(MIB, index);

const store = await ObjectStore.open({ folder, maxBytes: (blocks + 1) * MIB });
const writer = store.begin();
const hashes: Uint8Array[] = [];
const whole = createHash('sha256');
for (let from = 0; from < blocks; from += IN_FLIGHT) {
  const part = Array.from({ length: Math.min(IN_FLIGHT, blocks - from) }, (_, i) => blockAt(from + i));
  for (const bytes of part) {
    hashes.push(sha256(bytes));
    whole.update(bytes);
  }
  await Promise.all(part.map((bytes, i) => writer.write(from + i, bytes)));
  sample();
}
const manifest = {
  ...manifestOf('large', new Uint8Array(), version(1)),
  size: blocks * MIB,
  blockHashes: hashes,
  sha256: whole.digest(),
};
assert.is(await writer.commit(manifest, 'replica'), 'committed');
const back = createHash('sha256');
for (let index = 0; index < blocks; index++) {
  back.update((await store.block(manifest.id, manifest.version, index))!);
  sample();
}
assert.is(back.digest('hex'), manifest.sha256.toString('hex'));
await store.close();
process.stdout.write(`most ${Math.ceil(mostBytes / MIB)} MiB\n`);
