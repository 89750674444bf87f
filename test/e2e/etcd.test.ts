import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EtcdServer, secureEtcdInstalled } from '../etcd/etcd-server.js';
import { cleanUp, NodeProcess, someBytes, temporaryFolder, until } from './node-process.js';

const KEY = '66'.repeat(32);
const USER = { name: 'murky', password: 'open sesame' };
const KIB = 1024;

const name = 'nodes that know each other from an etcd with a certificate and users';
const test = suite(name);

let etcd: EtcdServer;
let config: Record<string, unknown>;
let nodes: NodeProcess[];

test.before(async () => {
  etcd = await EtcdServer.startSecure(USER);
  const passwordFile = join(temporaryFolder(), 'password');
  writeFileSync(passwordFile, `${USER.password}\n`, { mode: 0o600 });
  config = {
    'cluster.registry': 'etcd',
    'cluster.etcd-endpoints': [etcd.endpoint],
    'cluster.etcd-lease-seconds': 2,
    'cluster.etcd-ca-file': etcd.certFile,
    'cluster.etcd-cert-file': etcd.certFile,
    'cluster.etcd-key-file': etcd.keyFile,
    'cluster.etcd-user': USER.name,
    'cluster.etcd-password-file': passwordFile,
  };
  // No list of servers: that they meet is etcd's doing.
  nodes = await Promise.all([1, 2, 3].map(() => NodeProcess.start({ key: KEY, config })));
  await Promise.all(nodes.map((node) => node.meets(2)));
});
test.after(async () => {
  await cleanUp();
  await etcd?.close();
});

async function bytesAt(node: NodeProcess, key: string): Promise<Uint8Array> {
  const got = await node.get(key);
  const bytes = new Uint8Array(await got.arrayBuffer());
  assert.is(got.status, 200, `the get of ${key} was answered ${got.status}: ${Buffer.from(bytes)}`);
  return bytes;
}

/** What each of `others` says of the state of `node`. */
async function stateOf(node: NodeProcess, others: readonly NodeProcess[]): Promise<string[]> {
  const peersOf = async (other: NodeProcess) => (await other.status()).cluster.peers as { id: string; state: string }[];
  return (await Promise.all(others.map(peersOf))).map((peers) => peers.find(({ id }) => id === node.id)?.state ?? '-');
}

test('what is put at one is read at the others', async () => {
  const bytes = someBytes(1500 * KIB, 1);
  const put = await nodes[0]!.put('shared', bytes);
  assert.is(put.status, 201);
  assert.is(((await put.json()) as { owners: number }).owners, 3);
  for (const node of nodes) assert.is(Buffer.compare(await bytesAt(node, 'shared'), bytes), 0);
});

test('of two that replace one version at once at different nodes one is done, and the other one answered 412', async () => {
  for (let round = 0; round < 10; round++) {
    const key = `raced-${round}`;
    const first = await nodes[2]!.put(key, someBytes(1000, 100 + round));
    const etag = first.headers.get('etag')!;
    const racers = [nodes[round % 3]!, nodes[(round + 1) % 3]!];
    const answers = await Promise.all(
      racers.map((node, i) => node.put(key, someBytes(2000, 200 + 2 * round + i), { 'if-match': etag })),
    );
    const statuses = answers.map(({ status }) => status);
    assert.equal([...statuses].sort(), [200, 412], `round ${round}`);
    const done = someBytes(2000, 200 + 2 * round + statuses.indexOf(200));
    for (const node of nodes) {
      const read = await fetch(`${node.url(key)}?consistency=quorum`);
      assert.is(Buffer.compare(new Uint8Array(await read.arrayBuffer()), done), 0, `round ${round}`);
    }
  }
});

test('one that is killed is away when its lease is over, and all is read and written without it', async () => {
  const [one, two, killed] = nodes as [NodeProcess, NodeProcess, NodeProcess];
  await killed.kill();
  for (const node of [one, two]) assert.is((await bytesAt(node, 'shared')).length, 1500 * KIB);
  await until('its death in both views', 20, async () =>
    (await stateOf(killed, [one, two])).every((state) => state === 'away'),
  );
  const put = await two.put('without it', someBytes(3000, 7));
  assert.is(put.status, 201);
  const etag = (await one.get('without it')).headers.get('etag')!;
  assert.is((await one.put('without it', someBytes(4000, 8), { 'if-match': etag })).status, 200);
  await killed.start();
  await Promise.all(nodes.map((node) => node.meets(2)));
  await until('what it missed', 20, async () => (await bytesAt(killed, 'without it')).length === 4000);
});

test('one that is drained has left for the others, and all it held is there', async () => {
  const [one, two, drained] = nodes as [NodeProcess, NodeProcess, NodeProcess];
  assert.is((await fetch(`${drained.http}/drain`, { method: 'POST' })).status, 200);
  await until('the end of the drain', 30, async () => {
    const { state } = (await (await fetch(`${drained.http}/drain`)).json()) as { state: string };
    return state === 'drained';
  });
  await until('its goodbye in both views', 20, async () =>
    (await stateOf(drained, [one, two])).every((state) => state === 'left' || state === '-'),
  );
  await drained.stop();
  for (const node of [one, two]) assert.is((await bytesAt(node, 'shared')).length, 1500 * KIB);
  const { owners } = (await (await one.put('of two', someBytes(10, 1))).json()) as { owners: number };
  assert.is(owners, 2);
});

test('a file that is not there is named at the start', async () => {
  const missing = join(temporaryFolder(), 'none.pem');
  const said = await NodeProcess.start({ key: KEY, config: { ...config, 'cluster.etcd-ca-file': missing } }).then(
    () => 'it started',
    (error: Error) => error.message,
  );
  assert.match(said, /ended with 2 /);
  assert.ok(said.includes(`murky: ${missing}, which is to be used with etcd, cannot be read (ENOENT).`), said);
});

if (secureEtcdInstalled) test.run();
else {
  const left = suite(name);
  left.skip('etcd or openssl is not on the PATH');
  left.run();
}
