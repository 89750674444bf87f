import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BREAKS, type Break, runEpisode } from '../simulation/linearizability/episode.js';
import { describeHistory } from '../simulation/linearizability/history.js';

const SEEDS = 100;
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

for (const [name, about] of Object.entries(BREAKS)) {
  test(`the checker notices when ${about}`, async () => {
    for (let seed = 1; seed <= BREAK_SEEDS; seed++) {
      if (!(await runEpisode(seed, name as Break)).verdict.linearizable) return;
    }
    assert.unreachable(`${BREAK_SEEDS} histories were linearizable`);
  });
}

test.run();
