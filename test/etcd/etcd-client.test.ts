import { createServer, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EtcdVersionRegister } from '../../src/cluster/version-register.js';
import { isMurkyError } from '../../src/errors.js';
import type { EtcdBatch } from '../../src/etcd/contract.js';
import { EtcdClient } from '../../src/etcd/etcd-client.js';
import type { GatewayOptions } from '../../src/etcd/gateway.js';
import { EtcdServer, etcdInstalled, secureEtcdInstalled } from './etcd-server.js';

const real = suite('a real etcd');
let server: EtcdServer;
let etcd: EtcdClient;
real.before(async () => {
  server = await EtcdServer.start();
  etcd = new EtcdClient({ endpoints: [server.endpoint] });
});
real.after(() => server.close());

real('keeps what is put, and lists what begins with a prefix', async () => {
  await etcd.put('list/a', 'one');
  await etcd.put('list/ü', 'zwei');
  await etcd.put('lisu', 'beside');
  const { entries } = await etcd.list('list/', 10);
  assert.equal(
    entries.map(({ key, value }) => [key, value]),
    [
      ['list/a', 'one'],
      ['list/ü', 'zwei'],
    ],
  );
  assert.is((await etcd.list('list/', 1)).entries.length, 1);
  assert.is((await etcd.get('list/none')).entry, undefined);
});

real('a key goes with its lease', async () => {
  const lease = await etcd.grantLease(60);
  await etcd.put('lease/key', 'here', lease);
  assert.ok(await etcd.keepAlive(lease));
  await etcd.revokeLease(lease);
  assert.is((await etcd.get('lease/key')).entry, undefined);
  assert.not(await etcd.keepAlive(lease));
  await etcd.revokeLease(lease); // once more does no harm
});

real('a watch tells every change in order, from a revision on', async () => {
  const { revision } = await etcd.get('watch/none');
  await etcd.put('watch/a', '1');
  const stop = new AbortController();
  const seen: string[] = [];
  const watching = (async () => {
    for await (const { events } of etcd.watch('watch/', revision + 1, stop.signal)) {
      for (const event of events)
        seen.push(event.kind === 'put' ? `${event.entry.key}=${event.entry.value}` : event.key);
      if (seen.length === 3) return;
    }
  })();
  await sleep(100);
  const lease = await etcd.grantLease(60);
  await etcd.put('watch/a', '2', lease);
  await etcd.revokeLease(lease);
  await watching;
  assert.equal(seen, ['watch/a=1', 'watch/a=2', 'watch/a']);
  stop.abort();
});

real('a watch from a revision that is gone says so', async () => {
  for (let i = 0; i < 5; i++) await etcd.put('compact/a', String(i));
  const { revision } = await etcd.get('compact/a');
  const answer = await fetch(`${server.endpoint}/v3/kv/compaction`, {
    method: 'POST',
    body: JSON.stringify({ revision: String(revision) }),
  });
  assert.ok(answer.ok);
  const batches: EtcdBatch[] = [];
  for await (const batch of etcd.watch('compact/', 2, new AbortController().signal)) batches.push(batch);
  assert.ok(batches.some(({ compacted }) => compacted));
});

real('of many who set a version at once, one does', async () => {
  const register = new EtcdVersionRegister(etcd, 'race');
  assert.is(await register.read(7n), null);
  const versions = Array.from({ length: 20 }, (_, i) => ({ time: 5n, node: BigInt(i) }));
  const first = await Promise.all(versions.map((next) => register.compareAndSet(7n, null, next)));
  assert.is(first.filter(({ set }) => set).length, 1);
  const winner = versions[first.findIndex(({ set }) => set)]!;
  assert.equal(await register.read(7n), winner);
  for (const result of first) if (!result.set) assert.equal(result.current, winner);
  const next = { time: 6n, node: 1n };
  assert.equal(await register.compareAndSet(7n, { time: 4n, node: 0n }, next), { set: false, current: winner });
  assert.equal(await register.compareAndSet(7n, winner, next), { set: true });
  assert.equal(await register.compareAndSet(8n, winner, next), { set: false, current: null });
});

real('an endpoint that is down is passed over', async () => {
  const both = new EtcdClient({ endpoints: ['http://127.0.0.1:1', server.endpoint] });
  await both.put('over/a', '1');
  assert.is((await both.get('over/a')).entry?.value, '1');
  assert.equal(await both.putIf('over/a', '1', '2'), { done: true });
});

const secure = suite('an etcd with a certificate and users');
const user = { name: 'murky', password: 'ünsafe' };
let guarded: EtcdServer;
secure.before(async () => {
  guarded = await EtcdServer.startSecure(user);
});
secure.after(() => guarded?.close());

/** The sentence that a read ends with. */
async function sentenceOf(client: EtcdClient): Promise<string> {
  try {
    await client.get('a');
  } catch (error) {
    assert.ok(isMurkyError(error, 'MURKY_NO_REGISTRY'));
    return error.message;
  }
  return 'it was read';
}

secure('lets in who has both, also a watch, and after its token is gone', async () => {
  const client = new EtcdClient({ ...guarded.access, user });
  await client.put('a', '1');
  const { entry, revision } = await client.get('a');
  assert.is(entry?.value, '1');
  const batches = client.watch('a', revision, new AbortController().signal)[Symbol.asyncIterator]();
  while ((await batches.next()).value.events.length === 0); // the first message says that it watches
  await batches.return?.();
  await guarded.kill(); // simple tokens are kept in memory
  await guarded.run(user);
  await client.put('a', '2');
  assert.is((await client.get('a')).entry?.value, '2');
});

secure('turns away who lacks one, in one sentence', async () => {
  const { endpoints, tls } = guarded.access;
  const told = (options: Partial<GatewayOptions>) => sentenceOf(new EtcdClient({ endpoints, ...options }));
  assert.is(await told({ tls: tls! }), 'etcd refuses: etcdserver: permission denied.');
  assert.is(
    await told({ tls: tls!, user: { ...user, password: 'wrong' } }),
    'etcd refuses: etcdserver: authentication failed, invalid user ID or password.',
  );
  const silent = `No etcd endpoint answers (${guarded.endpoint})`;
  assert.is(await told({ user }), `${silent}: DEPTH_ZERO_SELF_SIGNED_CERT.`);
  assert.match(await told({ user, tls: { ca: tls!.ca! } }), /^No etcd endpoint answers .*: .*CERTIFICATE.*\.$/);
});

const alone = suite('without an etcd');

alone('is told in one sentence', async () => {
  const nobody = new EtcdClient({ endpoints: ['http://127.0.0.1:1'] });
  try {
    await nobody.get('a');
    assert.unreachable();
  } catch (error) {
    assert.ok(isMurkyError(error, 'MURKY_NO_REGISTRY'));
    assert.is(error.message, 'No etcd endpoint answers (http://127.0.0.1:1): ECONNREFUSED.');
  }
});

/** Stands in front of etcd and loses answers. */
async function stub(
  answer: (path: string) => string | undefined,
): Promise<{ server: Server; endpoint: string; paths: string[] }> {
  const paths: string[] = [];
  const http = createServer((request, response) => {
    paths.push(request.url ?? '');
    const body = answer(request.url ?? '');
    request.resume();
    request.on('end', () => (body === undefined ? response.destroy() : response.end(body)));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as { port: number };
  return { server: http, endpoint: `http://127.0.0.1:${port}`, paths };
}

alone('a transaction whose answer is lost is not sent twice; what is there then decides', async () => {
  const next = { time: 6n, node: 1n };
  for (const there of [next, { time: 7n, node: 1n }]) {
    const value = Buffer.from(`${there.time.toString(16).padStart(16, '0')}0000000000000001`).toString('base64');
    const kvs = [{ key: 'aw==', value, mod_revision: '3' }];
    const two = [];
    for (let i = 0; i < 2; i++) {
      two.push(
        await stub((path) => (path.endsWith('txn') ? undefined : JSON.stringify({ header: { revision: '3' }, kvs }))),
      );
    }
    const register = new EtcdVersionRegister(new EtcdClient({ endpoints: two.map(({ endpoint }) => endpoint) }), 'p');
    const result = await register.compareAndSet(7n, null, next).catch((error: unknown) => error);
    if (there === next) assert.equal(result, { set: true });
    else assert.ok(isMurkyError(result, 'MURKY_NO_REGISTRY'), 'it may have been set before the other one');
    assert.is(two.flatMap(({ paths }) => paths).filter((path) => path.endsWith('txn')).length, 1);
    for (const { server } of two) server.close();
  }
});

if (etcdInstalled) real.run();
else alone.skip('a real etcd: it is not on the PATH');
if (secureEtcdInstalled) secure.run();
else alone.skip('an etcd with a certificate: etcd or openssl is not on the PATH');
alone.run();
