import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CrashCluster } from './crash-cluster.js';
import { cleanUp } from './node-process.js';

test.after(cleanUp);

test('30 × SIGKILL under puts to three nodes, also of two and of all at once: nothing acknowledged is lost or torn', async () => {
  const cluster = await CrashCluster.start({ writers: 4, puts: 300, kills: 30, checkEveryKills: 30, seed: 20261122 });
  await cluster.run();
  const said = cluster.summary();
  assert.equal(cluster.problems, [], said);
  assert.ok(cluster.kills >= 30 && cluster.together.has(2) && cluster.together.has(3), said);
  assert.ok(cluster.acknowledged > 50, said);
});

test.run();
