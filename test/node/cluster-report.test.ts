import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ClusterNode } from '../../src/node/contract.js';
import type { MurkyNode } from '../../src/node/murky-node.js';
import { eventually, LocalCluster } from './local-cluster.js';

const OBJECTS = 30;
const SIZE = 20_000;
const RATE = { repairBytesPerSecond: 60_000 };

async function seenBy(node: MurkyNode): Promise<Map<string | null, ClusterNode>> {
  return new Map((await node.cluster()).nodes.map((one) => [one.id, one]));
}

test('each survivor tells of all three: who is away and for how long, what lacks a copy, and when repair is done', async () => {
  const cluster = new LocalCluster();
  const [a, b, c] = (await cluster.startAll(['a', 'b', 'c'], RATE)) as [MurkyNode, MurkyNode, MurkyNode];
  const { port } = cluster.addressOf(c);
  await cluster.stop(c);
  for (const node of [a, b]) await cluster.knows(node, 1);
  for (let i = 0; i < OBJECTS; i++) await a.put(`k${i}`, Buffer.alloc(SIZE, i));

  for (const asked of [a, b]) {
    await eventually('one is away', async () => (await seenBy(asked)).get(c.id)?.state === 'away');
    const nodes = await seenBy(asked);
    assert.equal([...nodes.keys()].sort(), [a.id, b.id, c.id].sort());
    for (const there of [a, b]) {
      const { state, self, awaySeconds, summary } = nodes.get(there.id)!;
      assert.equal([state, self, awaySeconds], ['alive', there === asked, null]);
      assert.is(summary!.objects, OBJECTS);
      assert.ok(summary!.usedBytes! >= OBJECTS * SIZE, `${summary!.usedBytes}`);
    }
    const { awaySeconds, summary } = nodes.get(c.id)!;
    assert.ok(awaySeconds! >= 0 && awaySeconds! < 60, `${awaySeconds}`);
    assert.is(summary, null, 'it cannot say anything of itself');
    const { underReplicated, repair, repairQueued, repairSecondsLeft } = nodes.get(a.id)!.summary!;
    assert.equal([underReplicated, repair, repairQueued], [OBJECTS, 'waiting', OBJECTS]);
    assert.is(repairSecondsLeft, 0, 'of what can be worked on nothing is left');
  }

  const back = await cluster.start('c', { ...RATE, port, listed: [a, b] });
  for (const asked of [a, b]) {
    await eventually('the time that repair will take is told', async () => {
      const summary = (await seenBy(asked)).get(a.id)?.summary;
      return summary?.repair === 'repairing' && (summary.repairSecondsLeft ?? 0) > 0;
    });
  }
  for (const asked of [a, b, back]) {
    await eventually('nothing lacks a copy', async () => {
      const nodes = [...(await seenBy(asked)).values()];
      return nodes.every(({ state, summary }) => state === 'alive' && summary?.underReplicated === 0);
    });
  }
  await cluster.close();
});

test.run();
