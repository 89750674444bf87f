import { randomBytes } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RepairProgress } from '../../src/node/contract.js';
import { eventually, LocalCluster } from './local-cluster.js';

const OBJECTS = 30;
const SIZE = 20_000;
/** All objects take some three seconds. */
const REPAIR_BYTES_PER_SECOND = 200_000;

test('a program hears by events how far repair is, and when it has ended', async () => {
  const cluster = new LocalCluster();
  const choice = { repairBytesPerSecond: REPAIR_BYTES_PER_SECOND };
  const [a, b, c] = await cluster.startAll(['a', 'b', 'c'], choice);
  const { port } = cluster.addressOf(c!);
  await cluster.stop(c!);
  await cluster.knows(a!, 1);
  await Promise.all(Array.from({ length: OBJECTS }, (_, i) => a!.put(`k${i}`, randomBytes(SIZE))));

  const told: RepairProgress[] = [];
  a!.events.on('repair', (progress) => void told.push(progress));
  const back = await cluster.start('c', { ...choice, port, listed: [a!, b!] });
  await eventually('all is repaired', async () => told.at(-1)?.state === 'idle' && told.at(-1)?.queued === 0);
  assert.ok(told.length >= 2, `${told.length} events`);
  const queued = told.map((progress) => progress.queued);
  assert.equal(
    queued,
    [...queued].sort((x, y) => y - x),
    'it becomes less',
  );
  const first = told[0]!;
  assert.is(first.state, 'repairing');
  assert.ok(first.queued > 0 && first.queued <= OBJECTS, `${first.queued}`);
  assert.ok(first.secondsLeft === null || first.secondsLeft > 0, `${first.secondsLeft}`);
  assert.is(told.at(-1)!.repairedObjects, OBJECTS);
  assert.is((await back.status()).store.objects, OBJECTS);
  const { repairedObjects, repairedBytes, state } = (await a!.status()).repair;
  const { repairedObjects: objects, repairedBytes: bytes } = told.at(-1)!;
  assert.equal([repairedObjects, repairedBytes, state], [objects, bytes, 'idle'], 'as the status says');
  await cluster.close();
});

test.run();
