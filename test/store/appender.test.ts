import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { silentLog } from '../../src/seam/log.js';
import { BlockLog } from '../../src/store/block-log.js';
import { recordBytes } from '../../src/store/block-record.js';
import { Budget } from '../../src/store/budget.js';
import type { Files } from '../../src/store/files.js';
import { rejects } from './expect.js';

const LENGTH = 1000;

/** Files whose writes and syncs end when they are told to. */
class StepFiles implements Files {
  readonly steps: { what: 'write' | 'sync'; bytes: number; end: (error?: Error) => void }[] = [];

  #step(what: 'write' | 'sync', bytes = 0): Promise<void> {
    return new Promise((resolve, reject) => {
      this.steps.push({ what, bytes, end: (error) => (error ? reject(error) : resolve()) });
    });
  }

  take(what: 'write' | 'sync') {
    const at = this.steps.findIndex((step) => step.what === what);
    assert.ok(at >= 0, `no ${what} is under way`);
    return this.steps.splice(at, 1)[0]!;
  }

  count(what: 'write' | 'sync'): number {
    return this.steps.filter((step) => step.what === what).length;
  }

  makeFolder = async () => {};
  list = async () => [];
  unlink = async () => {};
  syncDirectory = async () => {};
  freeBytes = async () => 0;
  open = async () => ({
    size: async () => 0,
    write: (parts: readonly Uint8Array[]) =>
      this.#step(
        'write',
        parts.reduce((sum, part) => sum + part.length, 0),
      ),
    read: async () => Buffer.alloc(0),
    sync: () => this.#step('sync'),
    truncate: async () => {},
    close: async () => {},
  });
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

function bed(segmentBytes = 100 * recordBytes(LENGTH)) {
  const files = new StepFiles();
  const log = new BlockLog(files, 'segments', segmentBytes, new Budget(2 ** 30), silentLog, () => {});
  const durable: number[] = [];
  const append = (index: number, length = LENGTH) => {
    const appended = log.append({ slot: 1, index }, Buffer.alloc(length));
    appended
      .then(({ settled }) => settled)
      .then(
        () => durable.push(index),
        () => {},
      );
    return appended;
  };
  return { files, log, append, durable };
}

test('records are written as they come, and all that were written share the next sync', async () => {
  const { files, append, durable } = bed();
  const first = append(0);
  await turn();
  files.take('write').end();
  await turn();
  assert.is(files.count('sync'), 1);
  const later = [append(1), append(2), append(3)];
  await turn();
  while (files.count('write') > 0) {
    files.take('write').end();
    await turn();
  }
  assert.is(files.count('sync'), 1, 'the next sync waits for the one under way');
  assert.equal(durable, [], 'nothing is durable before its sync');
  files.take('sync').end();
  await turn();
  assert.equal(durable, [0]);
  assert.is(files.count('sync'), 1);
  files.take('sync').end();
  const places = await Promise.all([first, ...later]);
  await Promise.all(places.map(({ settled }) => settled));
  assert.equal(
    places.map(({ location }) => location.offset),
    [0, 1, 2, 3].map((i) => i * recordBytes(LENGTH)),
  );
});

test('a segment that is sealed takes nothing more, and is at rest then', async () => {
  const { files, log, append } = bed();
  const first = append(0);
  await turn();
  let sealed = false;
  const sealing = log.seal([...log.segments][0]!).then(() => {
    sealed = true;
  });
  const second = append(1);
  await turn();
  assert.not.ok(sealed, 'a record is on its way');
  while (files.steps.length > 0) {
    for (const step of files.steps.splice(0)) step.end();
    await turn();
  }
  await sealing;
  assert.is((await first).location.segment, 1);
  assert.is((await second).location.segment, 2);
});

test('after a failed write everything is refused that is not durable yet', async () => {
  const { files, log, append, durable } = bed();
  const all = [append(0), append(1, 2 ** 20), append(2, 2 ** 20), append(3, 2 ** 20)];
  const refused = all.map((one) =>
    rejects(
      one.then(({ settled }) => settled),
      'MURKY_DISK_FULL',
    ),
  );
  await turn();
  assert.is(files.count('write'), 2, 'so many are written at once');
  files.take('write').end(Object.assign(new Error('no'), { code: 'ENOSPC', message: 'ENOSPC: no space left' }));
  await turn();
  files.take('write').end();
  await Promise.all(refused);
  assert.equal(durable, []);
  assert.is(files.count('sync'), 0);
  assert.is(log.failure?.code, 'MURKY_DISK_FULL');
  await rejects(append(4), 'MURKY_DISK_FULL');
});

test('a record that is larger than a segment has one of its own', async () => {
  const { files, append } = bed(500);
  const both = [append(0), append(1)];
  for (let i = 0; i < 8; i++) {
    await turn();
    for (const step of files.steps.splice(0)) step.end();
  }
  assert.equal(
    (await Promise.all(both)).map(({ location }) => [location.segment, location.offset]),
    [
      [1, 0],
      [2, 0],
    ],
  );
});

test.run();
