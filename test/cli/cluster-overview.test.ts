import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clusterOverview } from '../../src/cli/cluster-overview.js';
import type { ClusterNode, NodeSummary } from '../../src/node/contract.js';

function node(summary: NodeSummary | null, changes: Partial<ClusterNode> = {}): ClusterNode {
  const place = { weight: 1, zone: '', standby: false, clockSkewSeconds: 0 };
  return { id: '1', name: 'a:1', self: false, state: 'alive', awaySeconds: null, ...place, summary, ...changes };
}

const idle = { repair: 'idle', repairQueued: 0, underReplicated: 0, repairSecondsLeft: 0 };
const away = node(null, { state: 'away', awaySeconds: 8 });
const gone = node(null, { state: 'away', awaySeconds: 700 });
const shape = { replicas: 3, writeQuorum: 'majority', graceSeconds: 600 } as const;

for (const [what, nodes, said] of [
  ['a single node', [node(idle)], '1 of 1 node up, no object lacks a copy'],
  ['all is well', [node(idle), node(idle), node(idle)], '3 of 3 nodes up, no object lacks a copy'],
  [
    'a node is away',
    [node({ ...idle, repair: 'waiting', repairQueued: 10, underReplicated: 61 }), node(idle), away],
    '2 of 3 nodes up, 61 objects lack a copy, repair waits with 10 for nodes that are away, new objects have 2 copies of 3 until more nodes are up',
  ],
  [
    'a node is away, and another has no weight',
    [node(idle), node(idle), node(idle, { weight: 0 }), away],
    '3 of 4 nodes up, no object lacks a copy, new objects have 2 copies of 3 until more nodes are up',
  ],
  [
    'two nodes repair, the slower one tells the end',
    [
      node({ ...idle, repair: 'repairing', repairQueued: 48, underReplicated: 48, repairSecondsLeft: 18 }),
      node({ ...idle, repair: 'repairing', repairQueued: 2, underReplicated: 1, repairSecondsLeft: 90 }),
      node(idle),
      node(null, { state: 'left' }),
    ],
    '3 of 3 nodes up, 49 objects lack a copy, repair has 50 to do, done in 1 min 30 s',
  ],
  [
    'an end that one of them does not know is not known',
    [
      node({ ...idle, repair: 'repairing', repairQueued: 1, underReplicated: 1, repairSecondsLeft: 18 }),
      node({ ...idle, repair: 'repairing', repairQueued: 2, repairSecondsLeft: null }),
    ],
    '2 of 2 nodes up, 1 object lacks a copy, repair has 3 to do, its end is not known yet',
  ],
  [
    'nodes that do not answer, and one without a weight',
    [
      node(idle),
      node(null, { state: 'suspect' }),
      node(idle, { weight: 0 }),
      node(null, { state: 'unknown', weight: null }),
    ],
    '3 of 4 nodes up, 1 did not answer, no object lacks a copy',
  ],
  [
    'too few are up for a majority',
    [node(idle), away, away],
    '1 of 3 nodes up, no object lacks a copy, nothing can be written until 1 more node is up',
  ],
  [
    'those that are away own nothing any more',
    [node(idle), gone, gone],
    '1 of 3 nodes up, no object lacks a copy, new objects have 1 copy of 3 until more nodes are up',
  ],
  [
    'a node that is up is full',
    [node({ ...idle, repair: 'waiting', repairQueued: 2, underReplicated: 2 }), node(idle), node(idle)],
    '3 of 3 nodes up, 2 objects lack a copy, repair waits with 2 for room, or a sound copy, at other nodes',
  ],
] as const) {
  test(`the cluster in a line: ${what}`, () => assert.is(clusterOverview(nodes, shape), said));
}

test('the cluster in a line: a write has as many owners as replicas are asked for, however many nodes there are', () => {
  assert.is(
    clusterOverview([node(idle), node(idle), away, away, away], shape),
    '2 of 5 nodes up, no object lacks a copy, new objects have 2 copies of 3 until more nodes are up',
  );
});

test('the cluster in a line: too few are up for the quorum that is asked for', () => {
  const all = { ...shape, writeQuorum: 3 };
  const said = '1 of 3 nodes up, no object lacks a copy, nothing can be written until 2 more nodes are up';
  assert.is(clusterOverview([node(idle), away, away], all), said);
  assert.is(clusterOverview([node(idle), gone, gone], all), said, 'those that own nothing any more do not lower it');
  const one = { ...shape, writeQuorum: 1 };
  assert.is(
    clusterOverview([node(idle), away, away], one),
    '1 of 3 nodes up, no object lacks a copy, new objects have 1 copy of 3 until more nodes are up',
  );
});

test('the cluster in a line: a standby node holds nothing before it takes the place of one that is away', () => {
  const standby = node(idle, { standby: true });
  const said = (...nodes: ClusterNode[]) => clusterOverview(nodes, shape).replace(', no object lacks a copy', '');
  assert.is(said(node(idle), node(idle), node(idle), standby), '4 of 4 nodes up');
  assert.is(
    said(node(idle), node(idle), away, standby),
    '3 of 4 nodes up, new objects have 2 copies of 3 until more nodes are up',
  );
  assert.is(said(node(idle), node(idle), gone, standby), '3 of 4 nodes up');
  assert.is(
    said(node(idle), away, away, standby),
    '2 of 4 nodes up, nothing can be written until 1 more node is up',
    'nor is it one of those that must hold a write',
  );
  assert.is(
    said(node(idle), gone, gone, standby),
    '2 of 4 nodes up, new objects have 2 copies of 3 until more nodes are up',
    'it takes one place',
  );
  assert.is(
    said(node(idle), gone, away, { ...away, standby: true }),
    '1 of 4 nodes up, nothing can be written until 1 more node is up',
    'one that is away has its place as well',
  );
  assert.is(
    said(node(idle), gone, gone, { ...away, standby: true }, { ...away, standby: true }),
    '1 of 5 nodes up, nothing can be written until 1 more node is up',
    'so that a write needs more copies',
  );
  assert.is(said(node(idle), standby, standby), '3 of 3 nodes up');
});

test.run();
