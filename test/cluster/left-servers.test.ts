import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { addressOf, type SimulatedNode, World } from '../simulation/world.js';

/** One line for each that a status shows. */
const shown = (node: SimulatedNode) => node.cluster.peers().map(({ host, port, state }) => `${host}:${port} ${state}`);

test('a listed server that has left is shown once, also after a restart', async () => {
  const world = new World();
  const [, , leaving] = await world.startAll(3);
  await world.time.until(leaving!.cluster.membership.leave());
  await world.stop(3);
  await world.time.run(3000);
  assert.equal(shown(world.nodes.get(1)!).sort(), ['10.0.0.2:1980 alive', '10.0.0.3:1980 left']);
  await world.stop(1);
  const again = await world.start(1, [1, 2, 3]);
  await world.time.run(10_000);
  assert.equal(shown(again).sort(), ['10.0.0.2:1980 alive', '10.0.0.3:1980 left']);
  const back = await world.start(3, [1, 2, 3]);
  await world.time.run(10_000);
  assert.equal(shown(again).sort(), ['10.0.0.2:1980 alive', '10.0.0.3:1980 alive']);
  assert.equal(shown(back).sort(), ['10.0.0.1:1980 alive', '10.0.0.2:1980 alive']);
  await world.closeAll();
});

test('nor twice where it left while the asked node was down', async () => {
  const world = new World();
  const [, , leaving] = await world.startAll(3);
  await world.stop(1);
  await world.time.until(leaving!.cluster.membership.leave());
  await world.stop(3);
  const again = await world.start(1, [1, 2, 3]);
  await world.time.run(10_000);
  assert.equal(shown(again).sort(), ['10.0.0.2:1980 alive', '10.0.0.3:1980 left']);
  await world.closeAll();
});

for (const gone of ['has left', 'is away']) {
  test(`a server that ${gone} is shown once where its listed name is gone with it`, async () => {
    const world = new World();
    let named = true;
    const resolve = async ({ host, port }: { host: string; port: number }) => {
      if (host !== 'node-2.example') return [{ host, port }];
      if (!named) throw new Error('ENOTFOUND');
      return [addressOf(2)];
    };
    const options = { servers: [{ host: 'node-2.example', port: 1980 }], resolve };
    await world.start(1, [], options);
    const other = await world.start(2, []);
    await world.time.run(5000);
    if (gone === 'has left') await world.time.until(other.cluster.membership.leave());
    await world.stop(2);
    await world.time.run(10_000);
    named = false;
    await world.stop(1);
    const again = await world.start(1, [], options);
    await world.time.run(3000);
    assert.equal(shown(again), [`node-2.example:1980 ${gone.split(' ')[1]!}`]);
    await world.closeAll();
  });
}

test.run();
