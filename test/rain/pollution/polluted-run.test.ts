import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { pollutedRun } from './polluted-run.js';

test('whatever one server of several spoils: right bytes, the culprit named, nobody else blamed', async () => {
  for (let servers = 3; servers <= 8; servers++) {
    for (let seed = 1; seed <= 10; seed++) {
      const result = await pollutedRun(servers, seed);
      const what = `servers ${servers}, seed ${seed}: ${JSON.stringify(result)}`;
      assert.ok(result.right, what);
      assert.is(result.named, result.spoiltBlocks > 0, what);
      assert.is(result.blamed, 0, what);
    }
  }
});

test.run();
