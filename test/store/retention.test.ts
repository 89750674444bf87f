import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resourceId } from '../../src/object/key.js';
import { BLOCK_BYTES, sha256 } from '../../src/object/manifest.js';
import { type Disk, levelDisk } from '../../src/store/disk.js';
import { ObjectStore } from '../../src/store/object-store.js';
import { MAX_KEPT_VERSIONS } from '../../src/store/retention.js';
import { ManualClock } from './manual-clock.js';

const HOUR_MS = 3_600_000;
const id = resourceId('k');

async function withStore(
  maxBytes: number,
  work: (store: ObjectStore, clock: ManualClock) => Promise<void>,
  disk: Disk = levelDisk,
) {
  const folder = mkdtempSync(join(tmpdir(), 'murky-retention-'));
  const clock = new ManualClock();
  const store = await ObjectStore.open({ folder, maxBytes, clock, disk, graceMs: 1000, retentionMs: HOUR_MS });
  try {
    await work(store, clock);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

async function put(store: ObjectStore, time: number, bytes: Buffer, key = 'k'): Promise<void> {
  const writer = store.begin();
  await writer.write(0, bytes);
  const hash = sha256(bytes);
  const version = { time: BigInt(time), node: 1n };
  const rest = { tombstone: false, size: bytes.length, blockBytes: BLOCK_BYTES, blockHashes: [hash], sha256: hash };
  await writer.commit({ key, id: resourceId(key), version, metadata: {}, ...rest }, 'replica');
}

const times = async (store: ObjectStore) => (await store.history(id)).map(({ version }) => Number(version.time));

test('overwritten versions give way, the oldest first and none in its grace time, when room is needed', async () => {
  await withStore(4 * 2 ** 20, async (store, clock) => {
    for (let time = 1; time <= 4; time++) {
      await put(store, time, Buffer.alloc(900_000, time));
      clock.advance(2000);
    }
    assert.equal(await times(store), [4, 3, 2, 1]);
    await put(store, 5, Buffer.alloc(900_000, 5));
    assert.equal(await times(store), [5, 4, 3, 2]);
    clock.advance(2000);
    await put(store, 1, Buffer.alloc(1_700_000 - 2 ** 20, 6), 'other');
    assert.equal(await times(store), [5, 4, 3]);
  });
});

test('of one object so many overwritten versions are kept and hardly more', async () => {
  await withStore(2 ** 30, async (store, clock) => {
    for (let time = 1; time <= MAX_KEPT_VERSIONS + 40; time++) {
      await put(store, time, Buffer.from('x'));
      clock.advance(2000);
    }
    const kept = await times(store);
    assert.ok(kept.length > MAX_KEPT_VERSIONS && kept.length <= MAX_KEPT_VERSIONS + 17, `${kept.length}`);
    assert.is(kept[0], MAX_KEPT_VERSIONS + 40);
    assert.is(kept.at(-1), MAX_KEPT_VERSIONS + 41 - kept.length);
  });
});

test('of more versions than are listed the newest are', async () => {
  await withStore(2 ** 30, async (store) => {
    for (let time = 1; time <= 270; time++) await put(store, time, Buffer.from('x'));
    const listed = await times(store);
    assert.ok(listed.length > 200);
    assert.equal(
      listed,
      Array.from(listed, (_, i) => 270 - i),
    );
  });
});

test('what is overwritten without a pause costs no more for all the versions in their grace time', async () => {
  let reads = 0;
  const counting: Disk = {
    ...levelDisk,
    async openTable(path, mode) {
      const table = await levelDisk.openTable(path, mode);
      const { get } = table;
      table.get = (key) => {
        reads++;
        return get.call(table, key);
      };
      return table;
    },
  };
  const work = async (store: ObjectStore) => {
    const readsOf = async (from: number, to: number) => {
      const before = reads;
      for (let time = from; time < to; time++) await put(store, time, Buffer.from('x'));
      return reads - before;
    };
    const first = await readsOf(1, 33);
    await readsOf(33, 150);
    const later = await readsOf(150, 182);
    assert.ok(later <= first + 32 * 16, `${first} reads for 32 versions at first, ${later} later`);
  };
  await withStore(2 ** 30, work, counting);
});

test.run();
