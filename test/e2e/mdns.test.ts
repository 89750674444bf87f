import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { multicastPort } from '../discovery/multicast-port.js';
import { cleanUp, NodeProcess, someBytes } from './node-process.js';

const KEY = '44'.repeat(32);
const OTHER_KEY = '55'.repeat(32);
const MDNS = { 'cluster.mdns': true };

test.after(cleanUp);

const onNetwork = (await multicastPort()) === undefined ? test.skip : test;

onNetwork('nodes that no list names find each other on the local network, and none of another cluster', async () => {
  const [one, two, stranger] = await Promise.all([
    NodeProcess.start({ key: KEY, config: MDNS }),
    NodeProcess.start({ key: KEY, config: MDNS }),
    NodeProcess.start({ key: OTHER_KEY, config: MDNS }),
  ]);
  await Promise.all([one, two].map((node) => node.meets(1)));
  assert.is((await one.put('shared', someBytes(5000, 1))).status, 201);
  const got = await two.get('shared');
  assert.is(Buffer.compare(new Uint8Array(await got.arrayBuffer()), someBytes(5000, 1)), 0);
  assert.equal((await stranger.status()).cluster.peers, []);
});

test.run();
