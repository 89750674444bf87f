import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MurkyError } from '../../src/errors.js';
import { CommitQueue } from '../../src/store/commit-queue.js';
import type { Table, TableChange } from '../../src/store/table.js';
import { rejects } from './expect.js';

/** Takes batches one at a time, and ends each when told to. */
class StepTable {
  readonly batches: { keys: string[]; sync: boolean; end: (error?: Error) => void }[] = [];

  batch(changes: readonly TableChange[], sync: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const keys = changes.map((change) => Buffer.from(change.key).toString());
      this.batches.push({ keys, sync, end: (error) => (error ? reject(error) : resolve()) });
    });
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const change = (key: string, bytes = 1): TableChange[] => [
  { type: 'put', key: Buffer.from(key), value: Buffer.alloc(bytes) },
];

function bed() {
  const table = new StepTable();
  return {
    table,
    queue: new CommitQueue(
      () => table as unknown as Table,
      async () => [],
    ),
  };
}

test('what arrives while a batch is being written shares the next one, in order', async () => {
  const { table, queue } = bed();
  const ended: string[] = [];
  const write = (key: string, sync: boolean) => queue.write(change(key), { sync }).then(() => ended.push(key));
  const all = [write('a', false), write('b', false), write('c', true), write('d', false)];
  await turn();
  assert.equal(
    table.batches.map(({ keys, sync }) => ({ keys, sync })),
    [{ keys: ['a'], sync: false }],
  );
  assert.equal(ended, []);
  table.batches[0]!.end();
  await turn();
  assert.equal(ended, ['a']);
  assert.equal(table.batches[1]!.keys, ['b', 'c', 'd']);
  assert.ok(table.batches[1]!.sync, 'one that has to be synced has the whole group synced');
  table.batches[1]!.end();
  await Promise.all(all);
  assert.equal(ended, ['a', 'b', 'c', 'd']);
});

test('a group is bounded, but one large write goes alone', async () => {
  const { table, queue } = bed();
  const MIB = 2 ** 20;
  const all = [1, 5, 5, 20, 1].map((mib, i) => queue.write(change(String(i), mib * MIB), { sync: true }));
  for (let i = 0; i < 5; i++) {
    await turn();
    table.batches[i]?.end();
  }
  await Promise.all(all);
  assert.equal(
    table.batches.map(({ keys }) => keys),
    [['0'], ['1'], ['2'], ['3'], ['4']],
  );
});

test('after a failed batch nothing is written until the table has been opened anew', async () => {
  const { table, queue } = bed();
  const failure = new MurkyError('MURKY_DISK_FULL', 'The disk is full.');
  const first = rejects(queue.write(change('a'), { sync: true }), 'MURKY_DISK_FULL');
  const second = rejects(queue.write(change('b'), { sync: true }), 'MURKY_DISK_FULL');
  await turn();
  table.batches[0]!.end(failure);
  await Promise.all([first, second]);
  await rejects(queue.write(change('c'), { sync: true }), 'MURKY_DISK_FULL');
  assert.is(queue.failure, failure);
  assert.is(table.batches.length, 1, 'b and c never reached the table');
  queue.resume();
  const again = queue.write(change('d'), { sync: true });
  await turn();
  table.batches[1]!.end();
  await again;
  assert.equal(table.batches[1]!.keys, ['d']);
});

test.run();
