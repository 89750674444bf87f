import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SharedSource } from '../../src/cluster/share.js';
import { defaultConfig } from '../../src/config/load.js';
import { startGateway } from '../../src/gateway/server.js';
import type { MurkyNode } from '../../src/node/murky-node.js';
import type { Parts } from '../../src/node/parts.js';
import type { BlockSource } from '../../src/rain/contract.js';
import type { RainEndpoint } from '../../src/rain/endpoint.js';
import type { Offence, QuarantineView } from '../../src/rain/quarantine.js';
import { systemClock } from '../../src/seam/clock.js';
import { silentLog } from '../../src/seam/log.js';
import { noise, same } from '../rain/bytes.js';
import { LocalCluster, readAll } from './local-cluster.js';

const MIB = 2 ** 20;
const MINUTE_MS = 60_000;

/** Has a node serve other bytes than its manifests say, until it is called off. */
function corrupt(node: MurkyNode): () => void {
  const { rain, store } = (node as unknown as { parts: Parts & { rain: RainEndpoint } }).parts;
  const truth = new SharedSource(store, true);
  const block: BlockSource['block'] = async (...which) => {
    const bytes = await truth.block(...which);
    return bytes?.map((byte, at) => (at % 5000 === 0 ? byte ^ 1 : byte));
  };
  rain.serve({ current: (id) => truth.current(id), manifest: (...which) => truth.manifest(...which), block });
  return () => rain.serve(truth);
}

test('a node that sends wrong bytes is named in the event, the log and /status, and comes back after its time', async () => {
  const cluster = new LocalCluster();
  const honest = await cluster.start('honest', { maxRateBitsPerSecond: 40_000_000 }); // so the other is needed
  const polluter = await cluster.start('polluter', { listed: [honest] });
  let ahead = 0;
  const warned: object[] = [];
  const offences: Offence[] = [];
  const reader = await cluster.start('reader', {
    listed: [honest, polluter],
    weight: 0,
    shareContent: false,
    seams: {
      clock: { ...systemClock, monotonic: () => systemClock.monotonic() + ahead },
      log: { debug() {}, info() {}, warn: (facts) => void warned.push(facts), error() {} },
    },
  });
  reader.events.on('quarantine', (offence) => offences.push(offence));
  const gateway = await startGateway(reader, { ...defaultConfig(cluster.folder).http, port: 0 }, silentLog);
  const inStatus = async (): Promise<QuarantineView[]> =>
    ((await (await fetch(`${gateway.url}/status`)).json()) as { rain: { quarantine: QuarantineView[] } }).rain
      .quarantine;
  const sentByPolluter = async () => (await polluter.status()).transport.symbolsSent ?? 0;
  const { host, port } = cluster.addressOf(polluter);
  const name = `${host}:${port}`;
  try {
    await cluster.knows(reader, 2);
    const values = new Map(['1', '2', '3'].map((key) => [key, noise(3 * MIB, Number(key))]));
    for (const [key, value] of values) await honest.put(key, value);
    const read = async (key: string) => assert.ok(same(await readAll(reader, key), values.get(key)!));
    const mend = corrupt(polluter);
    await read('1');
    const quarantineMs = MINUTE_MS;
    assert.equal(
      offences.map((one) => [one.server, one.offences, one.quarantineMs]),
      [[name, 1, quarantineMs]],
    );
    assert.equal(warned, offences);
    const [held, ...others] = await inStatus();
    const { leftMs, ...offence } = held!;
    assert.equal([offence, others], [offences[0], []]);
    assert.ok(leftMs > 0 && leftMs <= quarantineMs);

    mend();
    const before = await sentByPolluter();
    await read('2');
    assert.is(await sentByPolluter(), before);

    ahead = quarantineMs;
    assert.equal(
      (await inStatus()).map((one) => [one.server, one.leftMs]),
      [[name, 0]],
    );
    await read('3');
    assert.ok((await sentByPolluter()) > before, 'it is asked again');
    ahead = 2 * quarantineMs;
    assert.equal(await inStatus(), []);
    assert.is(offences.length, 1);
  } finally {
    await gateway.close();
    await cluster.close();
  }
});

test.run();
