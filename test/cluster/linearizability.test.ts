import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BREAKS, type Break, runEpisode } from '../simulation/linearizability/episode.js';
import { describeHistory } from '../simulation/linearizability/history.js';

const SEEDS = 100;
const ETCD_SEEDS = 50;
/** Within so many seeds each break shows; most take a few dozens. */
const BREAK_SEEDS = 400;

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
