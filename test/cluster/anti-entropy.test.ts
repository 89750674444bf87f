import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Member } from '../../src/cluster/peers.js';
import { AntiEntropy } from '../../src/cluster/repair/anti-entropy.js';
import type { Comparison } from '../../src/cluster/repair/comparison.js';
import { RepairQueue } from '../../src/cluster/repair/queue.js';
import type { Survey } from '../../src/cluster/repair/survey.js';
import { silentLog } from '../../src/seam/log.js';
import { MemoryStore } from '../simulation/memory-store.js';
import { seededRandom, VirtualTime } from '../simulation/virtual-clock.js';

const members = [2n, 3n, 4n].map((id) => ({ id, state: 'alive' }) as Member);

/** Who has been compared with in half a minute after all nodes turned up, where `survey` and `compare` fail as they like. */
async function compared(survey: () => Promise<void>, compare: (id: bigint) => Promise<boolean>): Promise<bigint[]> {
  const time = new VirtualTime();
  const done: bigint[] = [];
  const compareWith = async ({ id }: Member) => {
    const whole = await compare(id);
    if (whole) done.push(id);
    return whole;
  };
  const antiEntropy = new AntiEntropy(
    { id: 1n, compareMinutes: 10, propagateOnStartup: true },
    {
      clock: time.clock(),
      random: seededRandom(1),
      log: silentLog,
      survey: { take: survey } as unknown as Survey,
      comparison: { compareWith } as unknown as Comparison,
      queue: new RepairQueue(new MemoryStore().facts),
      members: () => members,
    },
  );
  for (const member of members) antiEntropy.onAlive(member, true);
  await time.run(30_000);
  await time.until(antiEntropy.close());
  return done;
}

/** Fails the first time. */
function once<T>(result: T): () => Promise<T> {
  let failed = false;
  return async () => {
    if (failed) return result;
    failed = true;
    throw new Error('The disk does not answer.');
  };
}

test('whom a failed look through the own store kept from being compared with is compared with soon', async () => {
  assert.equal(await compared(once(undefined), async () => true), [2n, 3n, 4n]);
});

test('a comparison that fails keeps no one else from being compared with', async () => {
  const failing = once(true);
  const done = await compared(
    async () => {},
    (id) => (id === 3n ? failing() : Promise.resolve(true)),
  );
  assert.equal(done.sort(), [2n, 3n, 4n]);
});

test('who could not be compared with to the end is compared with again, and the others are not', async () => {
  let asked = 0;
  const done = await compared(
    async () => {},
    async (id) => id !== 4n || ++asked > 1,
  );
  assert.equal(done, [2n, 3n, 4n]);
});

test.run();
