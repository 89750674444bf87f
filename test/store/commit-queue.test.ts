import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MurkyError } from '../../src/errors.js';
import type { Appended } from '../../src/store/appender.js';
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

function bed(synced = async () => {}) {
  const table = new StepTable();
  const journaled: { keys: string[]; sync: boolean }[] = [];
  return {
    table,
    journaled,
    queue: new CommitQueue(() => table as unknown as Table, {
      append: async (changes, sync) => {
        journaled.push({ keys: changes.map(({ key }) => Buffer.from(key).toString()), sync });
        await synced();
      },
      applied: () => {},
    }),
  };
}

test('what arrives while a batch is being written shares the next one, in order', async () => {
  const { table, queue, journaled } = bed();
  const ended: string[] = [];
  const write = (key: string, sync: boolean) => queue.write(change(key), { sync }).then(() => ended.push(key));
  const all = [write('a', false), write('b', false), write('c', true), write('d', false)];
  await turn();
  assert.equal(
    table.batches.map(({ keys }) => keys),
    [['a']],
  );
  assert.equal(ended, []);
  table.batches[0]!.end();
  await turn();
  assert.equal(ended, ['a']);
  assert.equal(table.batches[1]!.keys, ['b', 'c', 'd']);
  assert.equal(
    journaled,
    [
      { keys: ['a'], sync: false },
      { keys: ['b', 'c', 'd'], sync: true },
    ],
    'one that has to be synced has the whole group synced',
  );
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

test('a batch reaches the table once the journal and the blocks that it names are on the disk, which go there at once', async () => {
  const ends: Record<string, () => void> = {};
  const step = (name: string) => new Promise<void>((resolve) => (ends[name] = resolve));
  const { table, queue, journaled } = bed(() => step('journal'));
  const written: Appended = {
    location: { segment: 1, offset: 0, length: 1 },
    durable: false,
    failure: undefined,
    settled: step('block'),
  };
  let acknowledged = false;
  const [put] = change('a');
  const writing = queue.write([{ ...put!, written }], { sync: true }).then(() => {
    acknowledged = true;
  });
  await turn();
  assert.is(journaled.length, 1, 'the journal does not wait for the block');
  ends.journal!();
  await turn();
  assert.is(table.batches.length, 0, 'the block is not on the disk yet');
  ends.block!();
  await turn();
  assert.is(table.batches.length, 1);
  assert.not.ok(acknowledged, 'nobody could read it yet');
  table.batches[0]!.end();
  await writing;
});

test('a block that does not reach the disk refuses the batch that names it', async () => {
  const { table, queue } = bed();
  const failure = new MurkyError('MURKY_DISK_FULL', 'The disk is full.');
  const settled = Promise.reject(failure);
  const [put] = change('a');
  const written: Appended = { location: { segment: 1, offset: 0, length: 1 }, durable: false, failure, settled };
  await rejects(queue.write([{ ...put!, written }], { sync: true }), 'MURKY_DISK_FULL');
  assert.is(table.batches.length, 0);
  assert.is(queue.failure, failure);
});

test.run();
