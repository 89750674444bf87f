import multicastDns from 'multicast-dns';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_FOUND, Mdns, SERVICE } from '../../src/discovery/mdns.js';
import { systemClock } from '../../src/seam/clock.js';
import { silentLog } from '../../src/seam/log.js';
import { INTERFACE, multicastPort } from './multicast-port.js';

const QUIET_MS = 1500;

interface Finder {
  readonly found: string[];
  readonly mdns: Mdns;
}

const open: { close(): Promise<void> }[] = [];

test.after.each(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

function start(mdnsPort: number, id: string, port: number, clusters: string[]): Finder {
  const found: string[] = [];
  const onFound = ({ host, port }: { host: string; port: number }) => void found.push(`${host}:${port}`);
  const options = { id, port, clusters, interface: INTERFACE, mdnsPort };
  const mdns = new Mdns(options, { clock: systemClock, log: silentLog, onFound });
  open.push(mdns);
  mdns.start();
  return { found, mdns };
}

async function until(holds: () => boolean, limitMs = 8000): Promise<void> {
  for (const end = Date.now() + limitMs; !holds() && Date.now() < end; ) await pause(20);
  assert.ok(holds(), 'it did not come');
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const mdnsPort = await multicastPort();
const onNetwork = mdnsPort === undefined ? test.skip : test;
if (mdnsPort === undefined) console.log('This machine does not pass multicast over loopback: nothing is shown.');

onNetwork('nodes of one cluster find each other, and not themselves, nor those of another', async () => {
  const one = start(mdnsPort!, '1'.repeat(16), 4001, ['aa']);
  const two = start(mdnsPort!, '2'.repeat(16), 4002, ['bb', 'aa']); // in the midst of a change of the key
  const stranger = start(mdnsPort!, '3'.repeat(16), 4003, ['cc']);
  await until(() => one.found.length > 0 && two.found.length > 0);
  await pause(QUIET_MS);
  assert.equal(one.found.map(portOf), [4002]);
  assert.equal(two.found.map(portOf), [4001]);
  assert.equal(stranger.found, []);
});

onNetwork('a node that comes later is found, and one that says goodbye is not', async () => {
  const one = start(mdnsPort!, '1'.repeat(16), 4011, ['aa']);
  await pause(1200);
  const two = start(mdnsPort!, '2'.repeat(16), 4012, ['aa']);
  await until(() => one.found.length > 0 && two.found.length > 0);
  await one.mdns.close();
  const late = start(mdnsPort!, '4'.repeat(16), 4014, ['aa']);
  await until(() => late.found.length > 0);
  await pause(QUIET_MS);
  assert.equal(late.found.map(portOf), [4012]);
});

onNetwork('whoever floods the network gives a node no more contacts than it has room for', async () => {
  const one = start(mdnsPort!, '1'.repeat(16), 4021, ['aa']);
  const socket = multicastDns({ port: mdnsPort!, interface: INTERFACE, bind: '0.0.0.0' });
  open.push({ close: () => new Promise<void>((resolve) => socket.destroy(resolve)) });
  const say = (n: number, data: string[]) => {
    const name = `${n.toString(16).padStart(16, '0')}.${SERVICE}`;
    const srv = { port: 10_000 + n, target: 'x.local', priority: 0, weight: 0 };
    socket.respond({
      answers: [
        { name, type: 'SRV', ttl: 120, data: srv },
        { name, type: 'TXT', ttl: 120, data },
      ],
    });
  };
  for (let n = 1; n <= 3 * MAX_FOUND; n++) say(n, ['cluster=aa']);
  await until(() => one.found.length >= MAX_FOUND);
  await pause(200);
  assert.is(one.found.length, MAX_FOUND);
});

function portOf(contact: string): number {
  return Number(contact.split(':')[1]);
}

test.run();
