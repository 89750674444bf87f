import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BREAKS, type Break, runEpisode } from '../simulation/linearizability/episode.js';
import { describeHistory } from '../simulation/linearizability/history.js';

const SEEDS = 100;
const ETCD_SEEDS = 50;
/** Within so many seeds each break shows; most take a few dozens. */
const BREAK_SEEDS = 400;
/** A node that had just started took itself for the only owner, and acknowledged writes and reads alone. */
const FOUND = [
  [1623, 'swim'],
  [1850, 'swim'],
  [1078, 'etcd'],
  [1243, 'etcd'],
] as const;

test(`${SEEDS} histories of quorum puts, reads and deletes under faults are linearizable`, async () => {
  let operations = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const episode = await runEpisode(seed);
    operations += episode.operations.length;
    assert.ok(episode.verdict.linearizable, `seed ${seed}:\n${describeHistory(episode.operations)}`);
  }
  assert.ok(operations > 15 * SEEDS, `${operations}`);
});

test(`${ETCD_SEEDS} histories with etcd as registry are linearizable`, async () => {
  for (let seed = 1; seed <= ETCD_SEEDS; seed++) {
    const episode = await runEpisode(seed, undefined, 'etcd');
    assert.ok(episode.verdict.linearizable, `seed ${seed}:\n${describeHistory(episode.operations)}`);
  }
});

for (const [seed, registry] of FOUND) {
  test(`the history of seed ${seed} with ${registry} is linearizable`, async () => {
    const episode = await runEpisode(seed, undefined, registry);
    assert.ok(episode.verdict.linearizable, describeHistory(episode.operations));
  });
}

test('the checker notices with etcd as registry, too, when reads ask nobody', async () => {
  for (let seed = 1; seed <= BREAK_SEEDS; seed++) {
    if (!(await runEpisode(seed, 'local-reads', 'etcd')).verdict.linearizable) return;
  }
  assert.unreachable(`${BREAK_SEEDS} histories were linearizable`);
});

for (const [name, about] of Object.entries(BREAKS)) {
  test(`the checker notices when ${about}`, async () => {
    for (let seed = 1; seed <= BREAK_SEEDS; seed++) {
      if (!(await runEpisode(seed, name as Break)).verdict.linearizable) return;
    }
    assert.unreachable(`${BREAK_SEEDS} histories were linearizable`);
  });
}

test.run();
